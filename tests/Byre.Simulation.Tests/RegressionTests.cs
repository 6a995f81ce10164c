using Byre.Simulation.Workloads;

namespace Byre.Simulation.Tests;

/// <summary>What simulations have found in the engine, each as the shortest program that showed it.</summary>
public sealed class RegressionTests
{
    /// <summary>
    /// The overlap guard went on taking the cluster of an L2 table for one that only a snapshot used any more. With the
    /// snapshot gone the cluster was reused, and the write there condemned a sound image as corrupt.
    /// </summary>
    [Fact]
    public void The_cluster_of_a_replaced_l2_table_can_hold_data()
    {
        DiskSession session = DiskSession.Open(
            DiskStart.Make(Configurations.ByName("plain")), SessionSettings.Plain);
        Synchronous.Run(session.CreateSnapshotAsync("s"));
        Synchronous.Run(session.WriteAsync(0, 1, compressed: false));
        Synchronous.Run(session.DeleteSnapshotAsync(0));
        for (int sector = 30; sector < 50; sector++)
            Synchronous.Run(session.WriteAsync(sector, 1, compressed: false));
        Assert.Null(Synchronous.Run(session.ReadAsync(0, session.Current.Length)));
        Synchronous.Run(session.CloseAsync());
    }
}
