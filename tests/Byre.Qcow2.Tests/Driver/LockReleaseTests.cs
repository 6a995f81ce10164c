using System.Diagnostics;
using Byre.Block.Graph;
using Byre.Qcow2.Tests.Layout;

namespace Byre.Qcow2.Tests.Driver;

/// <summary>
/// Named regression: a process that another thread started between fork and exec shares the image's locks; a close
/// that leaves them to the last descriptor made the next open fail now and then.
/// </summary>
public sealed class LockReleaseTests
{
    [Fact]
    public async Task ClosedImageIsFreeThoughProcessesAreStartedAsync()
    {
        using var peer = new Peer();
        var images = new Images();
        string image = peer.Path("test.qcow2");
        await images.CreateAsync(image, "", "1M");
        using var stop = new CancellationTokenSource();
        Task starter = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                using Process process = Process.Start("/bin/true")!;
                process.WaitForExit();
            }
        });

        try
        {
            for (int round = 0; round < 400; round++)
            {
                BlockNode node = await images.OpenAsync(image);
                await node.DisposeAsync();
            }
        }
        finally
        {
            await stop.CancelAsync();
            await starter;
        }
    }
}
