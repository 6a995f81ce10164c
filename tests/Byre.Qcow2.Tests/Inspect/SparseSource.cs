using System.Buffers.Binary;
using Byre.Block.Formats;

namespace Byre.Qcow2.Tests.Inspect;

/// <summary>
/// A file of any length made of pieces that are bytes or computed, zeroes between them. Counts what is read.
/// </summary>
internal sealed class SparseSource(long lengthBytes) : InspectionSource
{
    private readonly List<Piece> _pieces = [];

    private delegate void Filler(long offset, Span<byte> target);

    public override long LengthBytes => lengthBytes;

    public long BytesRead { get; private set; }

    public int Reads { get; private set; }

    /// <summary>Later pieces lie over earlier ones.</summary>
    public SparseSource Put(long offset, params byte[] bytes) =>
        Add(offset, bytes.Length, (at, target) => bytes.AsSpan((int)at, target.Length).CopyTo(target));

    /// <summary>Bytes that repeat.</summary>
    public SparseSource PutRepeated(long offset, long length, byte[] bytes) => Add(offset, length, (at, target) =>
    {
        for (int i = 0; i < target.Length; i++)
            target[i] = bytes[(at + i) % bytes.Length];
    });

    /// <summary>A table of big-endian words.</summary>
    public SparseSource PutTable(long offset, long entries, Func<long, ulong> entryAt) =>
        Add(offset, entries * 8, (at, target) =>
        {
            Span<byte> word = stackalloc byte[8];
            while (!target.IsEmpty)
            {
                BinaryPrimitives.WriteUInt64BigEndian(word, entryAt(at / 8));
                Span<byte> part = word[(int)(at % 8)..];
                part = part[..Math.Min(part.Length, target.Length)];
                part.CopyTo(target);
                target = target[part.Length..];
                at += part.Length;
            }
        });

    public override ValueTask<int> ReadAsync(long offset, Memory<byte> destination, CancellationToken cancellation)
    {
        int count = (int)Math.Clamp(lengthBytes - offset, 0, destination.Length);
        Span<byte> target = destination.Span[..count];
        target.Clear();
        foreach (Piece piece in _pieces)
        {
            long from = Math.Max(piece.Offset, offset);
            long to = Math.Min(piece.Offset + piece.Length, offset + count);
            if (from < to)
                piece.Fill(from - piece.Offset, target[(int)(from - offset)..(int)(to - offset)]);
        }

        BytesRead += count;
        Reads++;
        return new ValueTask<int>(count);
    }

    private SparseSource Add(long offset, long length, Filler fill)
    {
        _pieces.Add(new Piece(offset, length, fill));
        return this;
    }

    private sealed record Piece(long Offset, long Length, Filler Fill);
}
