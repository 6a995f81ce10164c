using Byre.Block.Errors;

namespace Byre.Block.Threading;

/// <summary>
/// A loop on one thread that waits for a socket and for the requests of files at once. A server's connection owns one
/// and attaches it to its thread (<see cref="SubmissionThread.Attach"/>); storage that finds it there queues its
/// requests to it instead of waiting, and whatever waits for them goes on on that thread, inside
/// <see cref="RunOnce"/>.
/// <para>Everything but <see cref="Wake"/> is called by the loop's own thread. Memory that is handed over belongs to
/// the loop until the operation has ended.</para>
/// </summary>
public abstract class SubmissionLoop : IDisposable
{
    /// <summary>
    /// Begins to wait for bytes from a socket; they go to <paramref name="destination"/>, which must not move in
    /// memory. One at a time.
    /// </summary>
    public abstract void BeginReceive(int socket, Memory<byte> destination);

    /// <summary>
    /// Ends the receive: the bytes that came, 0 at the end of the stream; null where it is still under way.
    /// </summary>
    /// <exception cref="BlockException">The socket failed.</exception>
    public abstract int? EndReceive();

    /// <summary>
    /// Begins to wait until a socket takes bytes again, or has failed. One at a time; <see cref="RunOnce"/> ends it.
    /// </summary>
    public abstract void BeginWaitToSend(int socket);

    /// <summary>True while <see cref="BeginWaitToSend"/> is under way.</summary>
    public abstract bool IsWaitingToSend { get; }

    /// <summary>Submits what was queued, without waiting for anything.</summary>
    public abstract void Submit();

    /// <summary>
    /// Submits what was queued, waits until something has ended or <see cref="Wake"/> is called, and completes all that
    /// has ended.
    /// </summary>
    public abstract void RunOnce();

    /// <summary>Makes <see cref="RunOnce"/> return, now or the next time. From any thread.</summary>
    public abstract void Wake();

    /// <summary>Ends the loop. Nothing may be under way but <see cref="Wake"/>.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Gives the loop's resources back.</summary>
    protected abstract void Dispose(bool disposing);
}
