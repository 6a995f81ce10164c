using Byre.Block.Errors;

namespace Byre.Cli.QemuIo.Commands;

/// <summary>
/// The commands for zoned devices. No driver has zones here: the arguments are checked, then the answer is what the
/// peer says of a device without zones.
/// </summary>
internal sealed class ZoneCommand(string verb, string alias, string summary) : IoCommand
{
    public override string Name => "zone_" + verb;

    public override string Alias => alias;

    public override string Arguments => verb switch
    {
        "report" => "offset number",
        "append" => "offset len [len..]",
        _ => "offset len",
    };

    public override string Summary => summary;

    public override int MinimumArguments => verb == "append" ? 3 : 2;

    public override int MaximumArguments => verb == "append" ? 4 : 2;

    public override ValueTask<bool> RunAsync(IoSession session, string[] words)
    {
        foreach (string number in words.AsSpan(1))
            CommandNumbers.ParseSize(number);
        return new ValueTask<bool>(session.Fail($"zone {verb} failed: {Errno.Describe(Errno.NotSupported)}"));
    }
}
