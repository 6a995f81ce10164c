using BenchmarkDotNet.Running;
using Byre.Benchmarks;

BenchmarkSwitcher.FromTypes(
    [
        typeof(SliceLookup),
        typeof(MappingLookup),
        typeof(RefcountScan),
        typeof(ZeroDetection),
        typeof(ClusterCompression),
        typeof(SparseRuns),
        typeof(VectorSlicing),
    ]).Run(args);
