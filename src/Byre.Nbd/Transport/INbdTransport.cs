using Byre.Block.Errors;

namespace Byre.Nbd.Transport;

/// <summary>
/// A connected byte stream. One thread receives; sends come from one thread at a time, which may be another.
/// <para>Errors: <see cref="BlockException"/> with the kernel's number. After one the stream is of no more use.</para>
/// </summary>
internal interface INbdTransport : IDisposable
{
    /// <summary>True where <see cref="TrySend"/> can be used.</summary>
    bool CanTrySend { get; }

    /// <summary>The socket's descriptor, where its bytes are those of the stream; null where they are not.</summary>
    int? Descriptor { get; }

    /// <summary>Waits until something has arrived and takes what fits; 0 at the end of the stream.</summary>
    int Receive(Span<byte> destination);

    /// <summary>Sends everything, however long that takes.</summary>
    void Send(ReadOnlySpan<Memory<byte>> segments);

    /// <summary>Sends what the stream takes at once; returns the bytes, which may be 0.</summary>
    long TrySend(ReadOnlySpan<Memory<byte>> segments);

    /// <summary>Waits until something can be sent, or has arrived; true for the former.</summary>
    bool WaitToSend();

    /// <summary>Ends the stream in both directions: whoever waits for it returns. From any thread.</summary>
    void Shutdown();
}
