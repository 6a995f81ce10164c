using Byre.Block.Jobs;

namespace Byre.Block.Tests.Jobs;

public sealed class SparseRunFinderTests
{
    [Theory]
    // Each letter is one sector: d data, z zeroes. Expected: lengths in sectors, D stored, Z left out.
    [InlineData(8, 8, 0, "dddd", "D4")]
    [InlineData(8, 8, 0, "zzzz", "Z4")]
    [InlineData(8, 8, 0, "zzzzzzzzd", "Z8 D1")]
    [InlineData(8, 8, 0, "dzzzzzzzzzzzzzzz", "D8 Z8")]
    [InlineData(8, 8, 0, "dzzzzzzzzzzzzzzzd", "D8 Z8 D1")]
    [InlineData(8, 8, 0, "zzzd", "D4")]
    [InlineData(1, 1, 0, "zdzd", "Z1 D1 Z1 D1")]
    [InlineData(8, 1, 0, "dzzzzzzzd", "D9")]
    [InlineData(8, 1, 0, "dzzzzzzzzd", "D1 Z8 D1")]
    [InlineData(8, 8, 4, "zzzzzzzzd", "Z4 D5")]
    [InlineData(8, 8, 4, "zzd", "D3")]
    [InlineData(16, 16, 0, "dzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", "D16 Z16")]
    public void Runs_follow_the_minimum_and_the_alignment(
        int minimum, int alignment, int position, string sectors, string expected)
    {
        const int Sector = SparseRunFinder.SectorBytes;
        var buffer = new byte[sectors.Length * Sector];
        for (int i = 0; i < sectors.Length; i++)
        {
            if (sectors[i] == 'd')
                buffer[(i * Sector) + (i * 37 % Sector)] = 1;
        }

        var runs = new List<SparseRun>();
        new SparseRunFinder(minimum * Sector, alignment * Sector).Find(buffer, position * Sector, runs);

        Assert.Equal(expected, string.Join(' ', runs.Select(run => (run.IsData ? "D" : "Z") + (run.Length / Sector))));
    }

    [Fact]
    public void No_data_ever_falls_into_a_run_of_zeroes()
    {
        var random = new Random(7);
        var runs = new List<SparseRun>();
        for (int round = 0; round < 500; round++)
        {
            var buffer = new byte[512 * random.Next(1, 100)];
            for (int i = random.Next(12); i > 0; i--)
                buffer[random.Next(buffer.Length)] = 1;
            runs.Clear();
            new SparseRunFinder(512 << random.Next(5), 512 << random.Next(5)).Find(buffer, 512 * random.Next(64), runs);

            int end = 0;
            foreach (SparseRun run in runs)
            {
                Assert.Equal(end, run.Offset);
                Assert.True(run.Length > 0);
                end += run.Length;
                Assert.True(run.IsData || buffer.AsSpan(run.Offset, run.Length).IndexOfAnyExcept((byte)0) < 0);
            }

            Assert.Equal(buffer.Length, end);
        }
    }
}
