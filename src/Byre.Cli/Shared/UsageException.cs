namespace Byre.Cli.Shared;

/// <summary>
/// A command line that makes no sense. The program prints the message after its prefix, then
/// "Try 'qemu-img --help' for more information", and exits with status 1.
/// </summary>
internal sealed class UsageException(string message) : Exception(message);
