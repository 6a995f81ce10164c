using System.Diagnostics;
using Byre.Simulation.Crash;
using Byre.Simulation.Workloads;
using Xunit.Abstractions;

namespace Byre.Simulation.Tests;

/// <summary>Has QEMU's check look at some of the images that our own found good. Thread-safe.</summary>
internal sealed class PeerSample
{
    private const int OneIn = 4000;
    private readonly bool _hasPeer;
    private int _offered;
    private int _checked;

    public PeerSample(ITestOutputHelper log)
    {
        _hasPeer = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
            .Any(static folder => File.Exists(Path.Combine(folder, "qemu-img")));
        if (!_hasPeer)
            log.WriteLine("skipped: qemu-img is not in PATH");
        Assert.True(_hasPeer || Environment.GetEnvironmentVariable("CI") != "true", "qemu-img is missing");
    }

    /// <summary>Images that were checked.</summary>
    public int Checked => _checked;

    public void Offer(DiskConfiguration configuration, CrashImage image)
    {
        // An image that wants a repair is not clean; one with a data file wants its name; version 2 cannot say so.
        if (!_hasPeer || configuration is { HasDataFile: true } or { LazyRefcounts: true } or { Version: 2 } ||
            Interlocked.Increment(ref _offered) % OneIn != 0 || (image[0][79] & 1) != 0)
            return;
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, image[0]);
            using Process check = Process.Start(
                new ProcessStartInfo("qemu-img", ["check", "-f", "qcow2", path])
                {
                    RedirectStandardOutput = true,
                    RedirectStandardError = true,
                })!;
            string output = check.StandardOutput.ReadToEnd() + check.StandardError.ReadToEnd();
            check.WaitForExit();

            // 0: nothing; 3: leaks.
            Assert.True(check.ExitCode is 0 or 3, $"{configuration} at {image.Moment}, {image.Choice}: {output}");
            Interlocked.Increment(ref _checked);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
