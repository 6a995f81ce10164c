using Byre.Block.Errors;
using Byre.Cli.Shared;

namespace Byre.Cli.Demo;

/// <summary>
/// <c>demo</c>: shows on images in a temporary folder what the program does, and prints sizes, times and cache hits.
/// </summary>
internal sealed class DemoCommand : Verb
{
    public override string Name => "demo";

    public override async ValueTask<int> RunAsync(string[] arguments, ProgramContext context)
    {
        if (arguments.Length > 1)
            throw new UsageException($"Unexpected argument: {arguments[1]}");
        DirectoryInfo folder = Directory.CreateTempSubdirectory("byre-demo-");
        var demonstration = new Demonstration(context, folder.FullName);
        try
        {
            await demonstration.RunAsync().ConfigureAwait(false);
            return 0;
        }
        catch (BlockException failure)
        {
            context.Report(failure);
            return 1;
        }
        finally
        {
            DemoTable.Print(context.Out, demonstration.Rows);
            folder.Delete(recursive: true);
        }
    }
}
