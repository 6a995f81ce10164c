namespace Byre.Nbd.Protocol;

/// <summary>Which headers a connection speaks; each includes those before.</summary>
internal enum NbdMode
{
    /// <summary>A client without fixed newstyle: it may only name an export.</summary>
    ExportName,

    /// <summary>Simple replies.</summary>
    Simple,

    /// <summary>Structured replies, in chunks.</summary>
    Structured,

    /// <summary>64-bit lengths.</summary>
    Extended,
}
