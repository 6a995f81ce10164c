using BenchmarkDotNet.Running;
using Byre.Benchmarks;

BenchmarkSwitcher.FromTypes([typeof(ZeroDetection), typeof(SparseRuns), typeof(VectorSlicing)]).Run(args);
