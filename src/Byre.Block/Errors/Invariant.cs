using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Byre.Block.Errors;

/// <summary>
/// Assertions that stay on in release builds. A failed one is our own bug: it throws <see cref="InvariantException"/>,
/// which nothing in the libraries catches, so that a damaged state is never written out.
/// </summary>
public static class Invariant
{
    /// <summary>Throws unless <paramref name="condition"/> holds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void That(
        [DoesNotReturnIf(false)] bool condition,
        [CallerArgumentExpression(nameof(condition))] string? text = null)
    {
        if (!condition)
            Fail(text ?? "condition");
    }

    /// <summary>Throws always; for branches that cannot be reached.</summary>
    [DoesNotReturn]
    public static void Fail(string text) => throw new InvariantException(text);

    /// <summary>Throws always; an expression for switch arms that cannot be reached.</summary>
    [DoesNotReturn]
    public static T Unreachable<T>(string text = "unreachable") => throw new InvariantException(text);
}
