using Byre.Block.Errors;

namespace Byre.Block.Buffers;

/// <summary>
/// The memory of one request: a list of byte segments seen as one run. A readonly struct; slicing copies nothing and a
/// single segment allocates nothing. The caller owns the memory until the request that uses it has completed.
/// </summary>
public readonly struct IoVector
{
    private readonly Memory<byte> _single;
    private readonly ReadOnlyMemory<Memory<byte>> _segments;
    private readonly int _skip;

    /// <summary>One segment.</summary>
    public IoVector(Memory<byte> memory)
    {
        _single = memory;
        Length = memory.Length;
    }

    /// <summary>Several segments, in order. The list must not change while the vector is used.</summary>
    public IoVector(ReadOnlyMemory<Memory<byte>> segments)
    {
        long length = 0;
        foreach (Memory<byte> segment in segments.Span)
            length += segment.Length;
        if (segments.Length == 1)
        {
            _single = segments.Span[0];
        }
        else
        {
            _segments = segments;
        }

        Length = length;
    }

    private IoVector(ReadOnlyMemory<Memory<byte>> segments, int skip, long length)
    {
        _segments = segments;
        _skip = skip;
        Length = length;
    }

    /// <summary>Total length in bytes.</summary>
    public long Length { get; }

    /// <summary>True where the whole run is one segment, which <see cref="Single"/> then returns.</summary>
    public bool IsSingle => _segments.IsEmpty;

    /// <summary>The only segment.</summary>
    public Memory<byte> Single
    {
        get
        {
            Invariant.That(IsSingle);
            return _single;
        }
    }

    /// <summary>Number of segments.</summary>
    public int SegmentCount
    {
        get
        {
            if (IsSingle)
                return 1;
            int count = 0;
            foreach (Memory<byte> _ in this)
                count++;
            return count;
        }
    }

    public static implicit operator IoVector(Memory<byte> memory) => new(memory);

    public static implicit operator IoVector(byte[] memory) => new(memory);

    /// <summary>The part that starts <paramref name="range"/>.Offset bytes into this vector.</summary>
    public IoVector Slice(Requests.ByteRange range)
    {
        Invariant.That(range.End <= Length);
        if (IsSingle)
            return new IoVector(_single.Slice((int)range.Offset, (int)range.Length));

        long skip = _skip + range.Offset;
        int first = 0;
        ReadOnlySpan<Memory<byte>> segments = _segments.Span;
        while (first < segments.Length - 1 && skip >= segments[first].Length)
            skip -= segments[first++].Length;
        if (skip + range.Length <= segments[first].Length)
            return new IoVector(segments[first].Slice((int)skip, (int)range.Length));
        return new IoVector(_segments[first..], (int)skip, range.Length);
    }

    /// <summary>Everything from <paramref name="offset"/> on.</summary>
    public IoVector From(long offset) => Slice(Requests.ByteRange.FromEnd(offset, Length));

    /// <summary>The segments, each cut to what belongs to this vector.</summary>
    public Enumerator GetEnumerator() => new(this);

    /// <summary>Fills everything with zero bytes.</summary>
    public void Clear()
    {
        foreach (Memory<byte> segment in this)
            segment.Span.Clear();
    }

    /// <summary>Copies everything to <paramref name="destination"/>, which must be long enough.</summary>
    public void CopyTo(Span<byte> destination)
    {
        foreach (Memory<byte> segment in this)
        {
            segment.Span.CopyTo(destination);
            destination = destination[segment.Length..];
        }
    }

    /// <summary>Fills everything from the start of <paramref name="source"/>, which must be long enough.</summary>
    public void CopyFrom(ReadOnlySpan<byte> source)
    {
        foreach (Memory<byte> segment in this)
        {
            source[..segment.Length].CopyTo(segment.Span);
            source = source[segment.Length..];
        }
    }

    /// <summary>Walks the segments of a vector.</summary>
    public ref struct Enumerator
    {
        private readonly IoVector _vector;
        private int _index;
        private long _left;

        internal Enumerator(IoVector vector)
        {
            _vector = vector;
            _index = -1;
            _left = vector.Length;
        }

        /// <summary>The current segment.</summary>
        public Memory<byte> Current { get; private set; }

        /// <summary>Steps to the next segment that is not empty.</summary>
        public bool MoveNext()
        {
            while (_left > 0)
            {
                _index++;
                Memory<byte> segment = _vector.IsSingle ? _vector._single : _vector._segments.Span[_index];
                if (_index == 0)
                    segment = segment[_vector._skip..];
                if (segment.Length > _left)
                    segment = segment[..(int)_left];
                _left -= segment.Length;
                Current = segment;
                if (!segment.IsEmpty)
                    return true;
            }

            return false;
        }
    }
}
