using Byre.Nbd.Protocol;

namespace Byre.Nbd.Server;

/// <summary>What a client and a server agreed on. Immutable.</summary>
/// <param name="Export">The chosen export.</param>
/// <param name="Mode">Which headers are spoken.</param>
/// <param name="Contexts">What block status tells of.</param>
internal sealed record NegotiatedSession(NbdExport Export, NbdMode Mode, MetaContextSelection Contexts);
