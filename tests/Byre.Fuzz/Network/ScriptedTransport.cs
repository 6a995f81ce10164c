using Byre.Fuzz.Engine;
using Byre.Nbd.Transport;

namespace Byre.Fuzz.Network;

/// <summary>
/// A client that says what was written down beforehand, in pieces of any size, and then hangs up. What it is told is
/// counted. Receives on one thread; may be sent to by another.
/// </summary>
internal sealed class ScriptedTransport(byte[] script, FuzzRandom random) : INbdTransport
{
    private int _position;
    private long _sentBytes;

    /// <summary>Bytes that the server has sent.</summary>
    public long SentBytes => Interlocked.Read(ref _sentBytes);

    /// <inheritdoc/>
    public bool CanTrySend => false;

    /// <inheritdoc/>
    public int? Descriptor => null;

    /// <inheritdoc/>
    public int Receive(Span<byte> destination)
    {
        int count = Math.Min(destination.Length, script.Length - _position);
        if (count > 1 && random.OneIn(4))
            count = 1 + random.Next(count);
        script.AsSpan(_position, count).CopyTo(destination);
        _position += count;
        return count;
    }

    /// <inheritdoc/>
    public void Send(ReadOnlySpan<Memory<byte>> segments)
    {
        foreach (Memory<byte> segment in segments)
            Interlocked.Add(ref _sentBytes, segment.Length);
    }

    /// <inheritdoc/>
    public long TrySend(ReadOnlySpan<Memory<byte>> segments) => 0;

    /// <inheritdoc/>
    public bool WaitToSend() => true;

    /// <inheritdoc/>
    public void Shutdown()
    {
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
