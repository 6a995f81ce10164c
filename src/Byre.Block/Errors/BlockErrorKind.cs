namespace Byre.Block.Errors;

/// <summary>The stable classes of failure a caller may want to tell apart. New texts never add a kind.</summary>
public enum BlockErrorKind
{
    /// <summary>The storage below failed; see <see cref="BlockException.Errno"/>.</summary>
    InputOutput,

    /// <summary>The caller's argument or option is wrong.</summary>
    InvalidArgument,

    /// <summary>The file, node or snapshot does not exist.</summary>
    NotFound,

    /// <summary>The image is not of this format, or its header cannot be read as one.</summary>
    InvalidFormat,

    /// <summary>The image needs a feature this build does not have.</summary>
    Unsupported,

    /// <summary>The image's metadata contradicts itself.</summary>
    CorruptImage,

    /// <summary>The node is read-only, or went read-only after a failed flush.</summary>
    ReadOnly,

    /// <summary>Another process holds a conflicting lock on the image.</summary>
    Locked,

    /// <summary>No space left on the device or within the format's limits.</summary>
    NoSpace,
}
