namespace Byre.Block.Requests;

/// <summary>How space is prepared when an image or file is created or grown.</summary>
public enum PreallocationMode
{
    /// <summary>Nothing is allocated.</summary>
    Off,

    /// <summary>Metadata is allocated, data space is sparse.</summary>
    Metadata,

    /// <summary>Space is reserved by the file system without being written.</summary>
    Falloc,

    /// <summary>Space is written with zeroes.</summary>
    Full,
}
