using System.Runtime.InteropServices;
using Byre.Block.Errors;

namespace Byre.Qcow2.Compression.Interop;

/// <summary>
/// Deflate by the system's zlib, where the .NET runtime's library cannot be used. Thread-safe.
/// </summary>
internal sealed unsafe partial class SystemZlib : DeflateLibrary
{
    /// <summary>zlib's default, which QEMU writes with.</summary>
    private const int Level = 6;

    private const string Library = "libz.so.1";

    private readonly NativeContextPool _deflaters = new(CreateDeflater, FreeDeflater);
    private readonly NativeContextPool _inflaters = new(CreateInflater, FreeInflater);

    private SystemZlib()
    {
    }

    /// <summary>The library; null where the machine has none.</summary>
    public static new SystemZlib? Load()
    {
        if (!NativeLibrary.TryLoad(Library, out nint handle))
            return null;
        // The imports below hold a reference of their own from their first call on.
        bool usable = NativeLibrary.TryGetExport(handle, "inflateReset2", out _);
        return usable ? new SystemZlib() : null;
    }

    public override int Compress(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        nint context = _deflaters.Rent();
        try
        {
            var stream = (SystemZlibStream*)context;
            Invariant.That(DeflateReset(stream) == Ok);
            fixed (byte* input = source, output = destination)
            {
                SetBuffers(stream, input, source.Length, output, destination.Length);
                return LengthOf(Deflate(stream, Finish), destination.Length, stream->OutputLeft);
            }
        }
        finally
        {
            _deflaters.Return(context);
        }
    }

    public override bool TryDecompress(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        nint context = _inflaters.Rent();
        try
        {
            var stream = (SystemZlibStream*)context;
            Invariant.That(InflateReset2(stream, DeflateCodec.WindowBits) == Ok);
            fixed (byte* input = source, output = destination)
            {
                SetBuffers(stream, input, source.Length, output, destination.Length);
                return IsFilled(Inflate(stream, Finish), stream->OutputLeft);
            }
        }
        finally
        {
            _inflaters.Return(context);
        }
    }

    private static void SetBuffers(SystemZlibStream* stream, byte* input, int inputBytes, byte* output, int outputBytes)
    {
        stream->NextInput = input;
        stream->InputLeft = (uint)inputBytes;
        stream->NextOutput = output;
        stream->OutputLeft = (uint)outputBytes;
    }

    private static nint CreateDeflater()
    {
        SystemZlibStream* stream = Allocate();
        fixed (byte* version = "1.2.11"u8)
        {
            int result = DeflateInit2(
                stream,
                Level,
                MethodDeflated,
                DeflateCodec.WindowBits,
                DeflateCodec.MemoryLevel,
                DefaultStrategy,
                version,
                sizeof(SystemZlibStream));
            return OrFree(stream, result);
        }
    }

    private static nint CreateInflater()
    {
        SystemZlibStream* stream = Allocate();
        fixed (byte* version = "1.2.11"u8)
            return OrFree(stream, InflateInit2(stream, DeflateCodec.WindowBits, version, sizeof(SystemZlibStream)));
    }

    private static SystemZlibStream* Allocate() =>
        (SystemZlibStream*)NativeMemory.AllocZeroed((nuint)sizeof(SystemZlibStream));

    private static nint OrFree(SystemZlibStream* stream, int result)
    {
        if (result == Ok)
            return (nint)stream;
        NativeMemory.Free(stream);
        return 0;
    }

    private static void FreeDeflater(nint context)
    {
        _ = DeflateEnd((SystemZlibStream*)context);
        NativeMemory.Free((void*)context);
    }

    private static void FreeInflater(nint context)
    {
        _ = InflateEnd((SystemZlibStream*)context);
        NativeMemory.Free((void*)context);
    }

    [LibraryImport(Library, EntryPoint = "deflateInit2_")]
    private static partial int DeflateInit2(
        SystemZlibStream* stream,
        int level,
        int method,
        int windowBits,
        int memoryLevel,
        int strategy,
        byte* version,
        int streamSizeBytes);

    [LibraryImport(Library, EntryPoint = "deflateReset")]
    private static partial int DeflateReset(SystemZlibStream* stream);

    [LibraryImport(Library, EntryPoint = "deflate")]
    private static partial int Deflate(SystemZlibStream* stream, int flush);

    [LibraryImport(Library, EntryPoint = "deflateEnd")]
    private static partial int DeflateEnd(SystemZlibStream* stream);

    [LibraryImport(Library, EntryPoint = "inflateInit2_")]
    private static partial int InflateInit2(
        SystemZlibStream* stream, int windowBits, byte* version, int streamSizeBytes);

    [LibraryImport(Library, EntryPoint = "inflateReset2")]
    private static partial int InflateReset2(SystemZlibStream* stream, int windowBits);

    [LibraryImport(Library, EntryPoint = "inflate")]
    private static partial int Inflate(SystemZlibStream* stream, int flush);

    [LibraryImport(Library, EntryPoint = "inflateEnd")]
    private static partial int InflateEnd(SystemZlibStream* stream);
}
