using System.Runtime.InteropServices;
using Byre.Block.Errors;

namespace Byre.Qcow2.Compression.Interop;

/// <summary>Zstandard by the system's libzstd (1.4 or later). Thread-safe.</summary>
internal sealed unsafe partial class SystemZstandard
{
    private const string Library = "libzstd.so.1";
    private const int ParameterCompressionLevel = 100;
    private const int ResetSession = 1;
    private const nuint DestinationTooSmall = 70;

    private readonly NativeContextPool _compressors;
    private readonly NativeContextPool _decompressors = new(
        CreateDecompressor, static context => _ = FreeDecompressor(context));

    private SystemZstandard(int level) =>
        _compressors = new NativeContextPool(
            () => BuildCompressor(level), static context => _ = FreeCompressor(context));

    /// <summary>The library, compressing at <paramref name="level"/>; null where the machine has none.</summary>
    public static SystemZstandard? Load(int level)
    {
        if (!NativeLibrary.TryLoad(Library, out nint handle))
            return null;
        // The imports below hold a reference of their own from their first call on.
        bool usable = NativeLibrary.TryGetExport(handle, "ZSTD_compress2", out _);
        return usable ? new SystemZstandard(level) : null;
    }

    /// <summary>The frame's length, or -1 where it does not fit <paramref name="destination"/>.</summary>
    public int Compress(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        nint context = _compressors.Rent();
        try
        {
            fixed (byte* input = source, output = destination)
            {
                // Starts a new session by itself, with the context's parameters.
                nuint result = Compress2(context, output, (nuint)destination.Length, input, (nuint)source.Length);
                if (IsError(result) == 0)
                    return (int)result;
                Invariant.That(ErrorCode(result) == DestinationTooSmall);
                return -1;
            }
        }
        finally
        {
            _compressors.Return(context);
        }
    }

    /// <summary>True where <paramref name="destination"/> was filled whole, at the end of a frame.</summary>
    public bool TryDecompress(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        nint context = _decompressors.Rent();
        try
        {
            Invariant.That(IsError(ResetDecompressor(context, ResetSession)) == 0);
            fixed (byte* inputStart = source, outputStart = destination)
            {
                ZstandardBuffer input = new() { Start = inputStart, Size = (nuint)source.Length };
                ZstandardBuffer output = new() { Start = outputStart, Size = (nuint)destination.Length };
                nuint left = 1;
                while (output.Position < output.Size)
                {
                    nuint progress = input.Position + output.Position;
                    left = DecompressStream(context, &output, &input);
                    if (IsError(left) != 0 || progress == input.Position + output.Position)
                        return false;
                }

                return left == 0;
            }
        }
        finally
        {
            _decompressors.Return(context);
        }
    }

    private static nint BuildCompressor(int level)
    {
        nint context = CreateCompressor();
        if (context != 0)
            Invariant.That(IsError(SetParameter(context, ParameterCompressionLevel, level)) == 0);
        return context;
    }

    // An error is a negative number in an unsigned type.
    private static nuint ErrorCode(nuint result) => unchecked((nuint)0 - result);

    [LibraryImport(Library, EntryPoint = "ZSTD_createCCtx")]
    private static partial nint CreateCompressor();

    [LibraryImport(Library, EntryPoint = "ZSTD_freeCCtx")]
    private static partial nuint FreeCompressor(nint context);

    [LibraryImport(Library, EntryPoint = "ZSTD_CCtx_setParameter")]
    private static partial nuint SetParameter(nint context, int parameter, int value);

    [LibraryImport(Library, EntryPoint = "ZSTD_compress2")]
    private static partial nuint Compress2(nint context, byte* output, nuint capacity, byte* input, nuint length);

    [LibraryImport(Library, EntryPoint = "ZSTD_isError")]
    private static partial uint IsError(nuint result);

    [LibraryImport(Library, EntryPoint = "ZSTD_createDCtx")]
    private static partial nint CreateDecompressor();

    [LibraryImport(Library, EntryPoint = "ZSTD_freeDCtx")]
    private static partial nuint FreeDecompressor(nint context);

    [LibraryImport(Library, EntryPoint = "ZSTD_DCtx_reset")]
    private static partial nuint ResetDecompressor(nint context, int directive);

    [LibraryImport(Library, EntryPoint = "ZSTD_decompressStream")]
    private static partial nuint DecompressStream(nint context, ZstandardBuffer* output, ZstandardBuffer* input);
}
