using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Fuzz.Engine;
using Byre.Fuzz.Images;
using Byre.Nbd.Server;

namespace Byre.Fuzz.Network;

/// <summary>
/// An NBD server's end of one connection, from the greeting to the last request, with a client that says anything.
/// </summary>
internal sealed class NbdTarget : IFuzzTarget
{
    private const int ExportBytes = 1 << 20;

    /// <inheritdoc/>
    public string Name => "nbd";

    /// <inheritdoc/>
    public int Weight => 1;

    /// <inheritdoc/>
    public FuzzResult Run(FuzzCaseId id) => Run(Build(id));

    /// <inheritdoc/>
    public string Minimise(FuzzCaseId id, FuzzFinding finding)
    {
        byte[] script = Build(id);
        for (int size = Math.Max(1, script.Length / 2); size >= 1; size /= 2)
        {
            for (int place = 0; place + size <= script.Length;)
            {
                byte[] shorter = [.. script[..place], .. script[(place + size)..]];
                if (Run(shorter).Finding?.Key == finding.Key)
                    script = shorter;
                else
                    place += size;
            }
        }

        return $"script {Convert.ToHexStringLower(script)}\n";
    }

    /// <inheritdoc/>
    public FuzzResult Replay(string corpusText)
    {
        foreach (string line in corpusText.Split('\n'))
        {
            if (line.Split(' ') is ["script", string bytes])
                return Run(Convert.FromHexString(bytes));
        }

        throw new FormatException("not a case");
    }

    private static byte[] Build(FuzzCaseId id)
    {
        var random = new FuzzRandom(id.Seeds.Aggregate(0UL, (sum, seed) => (sum * 31) + seed));
        return new ConversationGenerator(random).Generate();
    }

    private static FuzzResult Run(byte[] script)
    {
        var result = new FuzzResult();
        var storage = new FuzzStorage(new SparseImage(ExportBytes));
        var export = new NbdExport("disk", new BlockBackend(storage), isReadOnly: script.Length % 5 == 0)
        {
            OffersAllocationDepth = true,
        };
        using var transport = new ScriptedTransport(script, new FuzzRandom((ulong)script.Length));
        try
        {
            NegotiatedSession? session = new ServerHandshake(transport, [export], startTls: null, true).Run();
            result.AddFeature(session is null ? 1UL : 2UL);
            if (session is not null)
            {
                using var transmission = new Transmission(session, transport, loop: null);
                result.AddFeature(FuzzResult.HashWords(transmission.Run() ?? "", 11));
            }
        }
        catch (Exception failure) when (failure is NegotiationException or BlockException)
        {
            result.AddFeature(FuzzResult.HashWords(failure.Message, 13));
        }
        catch (Exception failure)
        {
            result.Fail("nbd: " + FuzzFailures.KeyOf(failure), failure.ToString());
        }

        for (int kind = 0; kind < ExportStatistics.KindCount; kind++)
        {
            if (export.Statistics.Requests(kind) > 0)
                result.AddFeature((ulong)(1000 + (2 * kind) + (export.Statistics.Errors(kind) > 0 ? 1 : 0)));
        }

        result.AddFeature((ulong)System.Numerics.BitOperations.Log2((ulong)transport.SentBytes + 1) + 100);
        return result;
    }
}
