using Byre.Block.Graph;
using Byre.Qcow2.Tests.Create;
using Byre.Qcow2.Tests.Io;
using Xunit.Abstractions;

namespace Byre.Qcow2.Tests.Faults;

/// <summary>
/// The kernel may transfer less than it was asked to: a signal came, memory was short, the device is nearly full. In
/// each scenario the first, second, ... n-th transfer is short, or all are; every request does what it should.
/// </summary>
public sealed class ShortTransferTests(ITestOutputHelper output)
{
    private readonly Random _random = new(FaultSettings.Seed);

    [Theory]
    [InlineData(512, 16, false, false)]
    [InlineData(512, 64, false, true)]
    [InlineData(4096, 16, false, true)]
    [InlineData(65536, 16, false, false)]
    [InlineData(16384, 8, true, true)]
    public void Any_transfer_may_be_short(int clusterBytes, int refcountBits, bool extendedL2, bool hasBacking) =>
        RunAll(new FaultGeometry(clusterBytes, refcountBits, extendedL2, hasBacking));

    [Fact]
    public void Any_transfer_may_be_short_with_lazy_refcounts() =>
        RunAll(new FaultGeometry(512, 16, false, false) { LazyRefcounts = true });

    [Fact]
    public void Any_transfer_may_be_short_with_a_data_file() =>
        RunAll(new FaultGeometry(4096, 16, false, false) { HasDataFile = true });

    [Fact]
    public void Any_transfer_may_be_short_while_the_refcount_table_grows() =>
        RunAll(new FaultGeometry(512, 64, false, false) { Clusters = 4200 });

    [Theory]
    [InlineData("cluster_size=512,refcount_bits=64")]
    [InlineData("preallocation=metadata,cluster_size=4k")]
    [InlineData("preallocation=full")]
    [InlineData("data_file=DIR/data,preallocation=full")]
    public void Any_transfer_of_a_creation_may_be_short(string options)
    {
        byte[] expected = Create(options, new Fault(), out int transfers);
        int runs = 0;
        foreach (ShortCut cut in Enum.GetValues<ShortCut>())
        {
            for (int call = 1; call <= transfers; call++)
            {
                runs++;
                var fault = new Fault { Call = call, Cut = cut };
                Assert.True(Create(options, fault, out _).AsSpan().SequenceEqual(expected), $"{options}, {fault}");
            }
        }

        output.WriteLine($"# short transfers of create: {runs} runs, {options}");
    }

    /// <summary>What the files of a new image hold.</summary>
    private static byte[] Create(string options, Fault fault, out int transfers)
    {
        string directory = Directory.CreateTempSubdirectory("byre-create-").FullName;
        try
        {
            var clock = new FaultClock(fault, 0);
            OptionSet set = ImageCreatorTests.ToOptions(options.Replace("DIR", directory, StringComparison.Ordinal));
            set["size"] = "200704";
            EngineHarness.Run(new FailingFileDriver(clock, isPortable: false).MakeCreator().CreateAsync(
                "qcow2", Path.Combine(directory, "image"), set));
            transfers = clock.Transfers;
            byte[] image = File.ReadAllBytes(Path.Combine(directory, "image"));
            // The name of the data file depends on the directory.
            if (File.Exists(Path.Combine(directory, "data")))
                return [.. image[65536..], .. File.ReadAllBytes(Path.Combine(directory, "data"))];
            return image;
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private void RunAll(FaultGeometry geometry)
    {
        int stride = geometry.DiskBytes > 200_000 ? 400 : 20;
        int runs = 0;
        long cut = 0;
        foreach (FaultScenario scenario in FaultScenario.For(geometry))
        {
            if (!FaultSettings.Everything && geometry.Clusters < 1000 && _random.Next(3) != 0)
                continue;
            FaultImage image = FaultRunner.Prepare(geometry, scenario);
            int transfers = FaultRunner.RunShort(scenario, image, new Fault()).Transfers;
            cut += FaultRunner.RunShort(scenario, image, new Fault { Cut = ShortCut.OftenAndUnaligned }).ShortTransfers;
            runs++;
            for (int call = 1; call <= transfers; call++)
            {
                for (ShortCut where = 0; where < ShortCut.OftenAndUnaligned; where++)
                {
                    if (!FaultSettings.Everything && _random.Next(stride) != 0)
                        continue;
                    cut += FaultRunner.RunShort(scenario, image, new Fault { Call = call, Cut = where }).ShortTransfers;
                    runs++;
                }
            }
        }

        Assert.True(cut > runs / 2);
        output.WriteLine($"# short transfers: {cut} in {runs} runs, {geometry}");
    }
}
