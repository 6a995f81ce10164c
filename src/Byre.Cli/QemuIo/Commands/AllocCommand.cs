namespace Byre.Cli.QemuIo.Commands;

/// <summary>"alloc": how much of a range this image stores itself.</summary>
internal sealed class AllocCommand : IoCommand
{
    public override string Name => "alloc";

    public override string Alias => "a";

    public override string Arguments => "offset [count]";

    public override string Summary => "checks if offset is allocated in the file";

    public override int MinimumArguments => 1;

    public override int MaximumArguments => 2;

    public override async ValueTask<bool> RunAsync(IoSession session, string[] words)
    {
        long start = CommandNumbers.ParseSize(words[1]);
        long count = words.Length == 3 ? CommandNumbers.ParseSize(words[2]) : CommandNumbers.SectorBytes;

        long allocated = 0;
        long done = 0;
        RequestOutcome outcome = await session.PerformAsync(async () =>
        {
            while (done < count)
            {
                AllocationRun run = await AllocationRun
                    .QueryAsync(session.Image.Root, start + done, count - done).ConfigureAwait(false);
                if (run.LengthBytes == 0)
                    return;
                done += run.LengthBytes;
                allocated += run.IsAllocated ? run.LengthBytes : 0;
            }
        }).ConfigureAwait(false);
        if (outcome.Failure is not null)
            return session.Fail($"is_allocated failed: {outcome.FailureText}");

        session.Output.WriteLine($"{allocated}/{done} bytes allocated at offset {TransferSize.Format(start)}");
        return true;
    }
}
