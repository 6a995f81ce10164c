using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Qcow2.Tests.Create;
using Byre.Qcow2.Tests.Io;
using Xunit.Abstractions;

namespace Byre.Qcow2.Tests.Faults;

/// <summary>
/// The first, second, ... n-th storage call of a creation fails: the creation fails with that error, its files are
/// closed and removed; and where they could not be removed, what they hold is no image, or an empty one without faults.
/// </summary>
public sealed class FaultCreateTests(ITestOutputHelper output)
{
    private const int SizeBytes = 200 << 10;

    private static readonly Fault[] Kinds =
    [
        new(),
        new() { Effect = FaultEffect.Torn },
        new() { Effect = FaultEffect.Everything },
        new() { IsPersistent = true },
        new() { Error = Errno.NoSpace, Effect = FaultEffect.Torn },
        new() { Error = Errno.NoSpace, IsPersistent = true, IsFullDevice = true },
    ];

    private readonly Random _random = new(FaultSettings.Seed);

    [Theory]
    [InlineData("")]
    [InlineData("compat=0.10,cluster_size=4k")]
    [InlineData("cluster_size=512,refcount_bits=64")]
    [InlineData("cluster_size=16k,extended_l2=on,lazy_refcounts=on")]
    [InlineData("preallocation=metadata")]
    [InlineData("preallocation=metadata,cluster_size=512,refcount_bits=64")]
    [InlineData("preallocation=metadata,cluster_size=16k,extended_l2=on")]
    [InlineData("preallocation=falloc,cluster_size=4k")]
    [InlineData("preallocation=full,cluster_size=4k")]
    [InlineData("data_file=data")]
    [InlineData("data_file=data,data_file_raw=on,cluster_size=4k")]
    [InlineData("data_file=data,preallocation=metadata,cluster_size=4k")]
    [InlineData("data_file=data,preallocation=full,cluster_size=4k")]
    public void Any_call_of_a_creation_may_fail(string options)
    {
        int runs = 0;
        int calls = Run(options, new Fault()).Calls;
        foreach (Fault kind in Kinds)
        {
            for (int call = 1; call <= calls; call++)
            {
                if (!FaultSettings.Everything && _random.Next(4) != 0)
                    continue;
                Run(options, kind with { Call = call });
                runs++;
            }
        }

        output.WriteLine($"# faults of create: {runs} runs of {calls * Kinds.Length}, {options}");
    }

    /// <summary>Files as on other systems stayed.</summary>
    [Theory]
    [InlineData("", false)]
    [InlineData("", true)]
    [InlineData("preallocation=metadata", true)]
    [InlineData("data_file=DIR/data,preallocation=metadata", false)]
    [InlineData("data_file=DIR/data,preallocation=metadata", true)]
    public void The_files_of_a_failed_creation_are_removed(string options, bool isPortable)
    {
        string directory = Directory.CreateTempSubdirectory("byre-create-").FullName;
        int call = 0;
        bool wasHit;
        do
        {
            var clock = new FaultClock(new Fault { Call = ++call }, 0) { IsRunning = true };
            OptionSet set = ImageCreatorTests.ToOptions(options.Replace("DIR", directory, StringComparison.Ordinal));
            set["size"] = $"{SizeBytes}";
            ImageCreatorService creator = new FailingFileDriver(clock, isPortable).MakeCreator();
            BlockException? failure = null;
            try
            {
                EngineHarness.Run(creator.CreateAsync("qcow2", Path.Combine(directory, "image"), set));
            }
            catch (BlockException thrown)
            {
                failure = thrown;
            }

            wasHit = clock.Hits.Count > 0;
            Assert.Equal(wasHit, failure is not null);
            Assert.Equal(!wasHit, Directory.EnumerateFiles(directory).Any());
        }
        while (wasHit);

        Directory.Delete(directory, recursive: true);
        output.WriteLine($"# faults of create on real files: {call} runs");
    }

    private static FaultClock Run(string options, Fault fault)
    {
        var clock = new FaultClock(fault, fault.Call);
        var files = new FaultFileDriver(clock);
        OptionSet set = ImageCreatorTests.ToOptions(options);
        set["size"] = $"{SizeBytes}";
        clock.IsRunning = true;
        BlockException? failure = null;
        try
        {
            EngineHarness.Run(new ImageCreatorService(files.MakeOpener()).CreateAsync("qcow2", "image", set));
        }
        catch (BlockException thrown)
        {
            failure = thrown;
        }

        clock.IsRunning = false;
        string what = $"{options}, {fault}: {failure?.Message}; {string.Join(", ", clock.Hits)}";
        Assert.All(files.Files.Values, file => Assert.False(file.IsOpen, what));
        bool wasHit = clock.Hits.Count > 0;
        Assert.True(failure is not null == wasHit, what);
        Assert.True(failure is null || failure.Errno == fault.Error, what);
        Assert.All(files.Files.Values, file => Assert.Equal(wasHit, file.IsDeleted));
        VerifyLeft(files, mayBeNone: wasHit, what);
        return clock;
    }

    /// <summary>Looks at what the files would hold if nobody had removed them.</summary>
    private static void VerifyLeft(FaultFileDriver made, bool mayBeNone, string what)
    {
        var files = new FaultFileDriver(new FaultClock(new Fault(), 0));
        foreach ((string name, FaultDevice file) in made.Files)
            files.Add(name, file.TakeDisk());
        BlockNode image;
        try
        {
            image = EngineHarness.Run(files.MakeOpener().OpenAsync("image", OpenFlags.ReadWrite, format: "qcow2"));
        }
        catch (BlockException none) when (mayBeNone)
        {
            Assert.NotEmpty(none.Message);
            return;
        }

        FaultVerifier.CheckMetadata(files.Files["image"], what);
        Assert.True(image.LengthBytes == SizeBytes || (mayBeNone && image.LengthBytes == 0), what);
        byte[] content = new byte[image.LengthBytes];
        EngineHarness.Run(image.ReadAsync(0, content));
        Assert.True(content.AsSpan().IndexOfAnyExcept((byte)0) < 0, what);
        byte[] written = new byte[content.Length];
        written.AsSpan().Fill(7);
        EngineHarness.Run(image.WriteAsync(0, written));
        EngineHarness.Run(image.ReadAsync(0, content));
        Assert.True(content.AsSpan().SequenceEqual(written), what);
        EngineHarness.Run(image.DisposeAsync());
        FaultVerifier.CheckMetadata(files.Files["image"], what);
    }
}
