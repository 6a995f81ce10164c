using System.Runtime.CompilerServices;
using Byre.Block.Errors;

namespace Byre.Qcow2.Tests.Faults;

/// <summary>The engine's reports that belong to no request, kept for the flow of control that caused them.</summary>
internal static class FaultDiagnostics
{
    public static AsyncLocal<List<string>?> Lines { get; } = new();

    [ModuleInitializer]
    internal static void Listen() => DiagnosticOutput.Sink = static line => Lines.Value?.Add(line);
}
