using Byre.Block.Errors;

namespace Byre.Block.Filters;

/// <summary>
/// A node that can hold requests at a <see cref="Requests.BlockEvent"/> until told to go on (blkdebug). A request that
/// reaches a breakpoint's event is suspended under the breakpoint's tag; the breakpoint stays armed only for that
/// request.
/// <para>Threading: may be called while requests are in flight. <see cref="Resume"/> continues the request before it
/// returns, as far as the request runs without waiting.</para>
/// <para>Errors: <see cref="BlockException"/> with ENOENT for an unknown event or tag.</para>
/// </summary>
public interface IBreakpointNode
{
    /// <summary>
    /// Receives "blkdebug: Suspended request 'A'" and "blkdebug: Resuming request 'A'", without a line feed. Null
    /// drops them.
    /// </summary>
    Action<string>? Announce { get; set; }

    /// <summary>
    /// Holds the next request that reaches <paramref name="eventName"/> ("write_aio") under <paramref name="tag"/>.
    /// </summary>
    void SetBreakpoint(string eventName, string tag);

    /// <summary>Removes the breakpoints named <paramref name="tag"/> and lets requests go that they hold.</summary>
    void RemoveBreakpoint(string tag);

    /// <summary>Lets the request held under <paramref name="tag"/> go on.</summary>
    void Resume(string tag);

    /// <summary>True while a request is held under <paramref name="tag"/>.</summary>
    bool IsSuspended(string tag);

    /// <summary>
    /// Completes as soon as a request is held under <paramref name="tag"/>; at once where one already is.
    /// </summary>
    ValueTask WaitForSuspensionAsync(string tag, CancellationToken cancellation = default);
}
