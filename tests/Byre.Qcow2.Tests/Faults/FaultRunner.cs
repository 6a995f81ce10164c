using Byre.Qcow2.Create;
using Byre.Qcow2.Tests.Io;
using Byre.Tests.Shared;

namespace Byre.Qcow2.Tests.Faults;

/// <summary>Runs one scenario with one fault and looks at everything afterwards.</summary>
internal static class FaultRunner
{
    /// <summary>The image that a scenario begins with.</summary>
    public static FaultImage Prepare(FaultGeometry geometry, FaultScenario scenario)
    {
        var clock = new FaultClock(new Fault(), 0);
        var file = FaultDevice.Holding([], clock);
        EngineHarness.Run(ImageCreator.WriteEmptyAsync(file, geometry.Options, CancellationToken.None));
        byte[] content = new byte[geometry.DiskBytes];
        geometry.Backing?.CopyTo(content, 0);
        var empty = new FaultImage(
            geometry, file.TakeDisk(), geometry.HasDataFile ? [] : null, new DiskModel(content), []);
        var bench = new FaultBench(empty, clock);
        scenario.Prepare(bench);
        bench.CloseQuietly();
        FaultImage image = bench.TakeImage();
        FaultVerifier.Verify(image, $"prepared: {bench.Log}");
        return image;
    }

    /// <summary>Runs a scenario on files of which some transfers are short: nothing may come of it.</summary>
    public static FaultClock RunShort(FaultScenario scenario, FaultImage image, Fault fault)
    {
        var clock = new FaultClock(fault, fault.Call);
        using var file = new ShortFile(image.File, clock);
        using ShortFile? data = image.Data is null ? null : new ShortFile(image.Data, clock);
        var bench = new FaultBench(image, clock, file, data);
        try
        {
            bench.Open();
            scenario.Run(bench);
            bench.VerifyOpen();
            bench.CloseQuietly();
            FaultVerifier.Verify(bench.TakeImage(), bench.Log);
            return clock;
        }
        catch (Exception failure)
        {
            throw new InvalidOperationException(
                $"{scenario}, {image.Geometry}, {fault}: {bench.Log}\n{failure.Message}", failure);
        }
    }

    /// <summary>Returns whether the fault was reached.</summary>
    public static bool Run(FaultScenario scenario, FaultImage image, Fault fault, out FaultClock clock)
    {
        clock = new FaultClock(fault, fault.Call);
        var bench = new FaultBench(image, clock);
        bench.Open();
        string what = $"{scenario}, {image.Geometry}, {fault}: ";
        try
        {
            clock.IsRunning = true;
            scenario.Run(bench);
            clock.IsRunning = false;
            if (clock.Hits.Count == 0)
                return false;
            bench.VerifyOpen();
            // Half of the images are closed, the others left as by a process that dies.
            if (fault.Call % 2 == 0)
                bench.CloseQuietly();
            else
                bench.Abandon();
            FaultVerifier.Verify(bench.TakeImage(), bench.Log);
            return true;
        }
        catch (Exception failure)
        {
            throw new InvalidOperationException(what + bench.Log + "\n" + failure.Message, failure);
        }
    }
}
