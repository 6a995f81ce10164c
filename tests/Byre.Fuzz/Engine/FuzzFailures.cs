using System.Diagnostics;
using Byre.Block.Errors;

namespace Byre.Fuzz.Engine;

/// <summary>Tells failures that may happen from those that may not. Stateless.</summary>
internal static class FuzzFailures
{
    /// <summary>A key that is the same for the same place: the exception's type and our topmost frames.</summary>
    public static string KeyOf(Exception failure)
    {
        string name = failure.GetType().Name;
        if (failure is InvariantException)
            name += "(" + failure.Message.Replace("Invariant broken: ", "", StringComparison.Ordinal) + ")";
        var frames = new List<string>();
        foreach (StackFrame frame in new StackTrace(failure, fNeedFileInfo: false).GetFrames())
        {
            string text = DiagnosticMethodInfo.Create(frame) is { } method
                ? method.DeclaringTypeName + "." + method.Name : "";
            bool isOurs = text.StartsWith("Byre.", StringComparison.Ordinal)
                && !text.StartsWith("Byre.Fuzz", StringComparison.Ordinal)
                && !text.StartsWith("Byre.Block.Errors", StringComparison.Ordinal);
            if (!isOurs)
                continue;
            frames.Add(Shorten(text));
            if (frames.Count == 2)
                break;
        }

        return name + " in " + string.Join(" < ", frames);
    }

    private static string Shorten(string method)
    {
        // Asynchronous methods are types of their own: "Type+<Name>d__4.MoveNext".
        int open = method.IndexOf('<', StringComparison.Ordinal);
        int close = method.IndexOf('>', StringComparison.Ordinal);
        string type = open > 0 ? method[..open].TrimEnd('+') : method;
        string[] parts = type.Split('.');
        return open > 0 && close > open
            ? parts[^1] + "." + method[(open + 1)..close]
            : string.Join('.', parts[^Math.Min(2, parts.Length)..]);
    }
}
