namespace Byre.Cli.QemuIo;

/// <summary>What the program's own options say. Filled while they are read.</summary>
internal sealed class IoCommandLine
{
    /// <summary>-c, in order.</summary>
    public List<string> Commands { get; } = [];

    /// <summary>How to open the image.</summary>
    public IoOpenRequest OpenRequest { get; } = new();

    /// <summary>-f; null to probe.</summary>
    public string? Format { get; set; }

    /// <summary>--image-opts.</summary>
    public bool UsesImageOptions { get; set; }

    /// <summary>-m.</summary>
    public bool MisalignsBuffers { get; set; }
}
