using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Storage.Files;
using Byre.Storage.Interop;

namespace Byre.Storage.Drivers;

/// <summary>
/// Creates regular files, and empties existing ones, but only after they are locked: a file in use by another program
/// is left as it is. Stateless.
/// </summary>
internal static class FileCreator
{
    /// <summary>What <c>create -o</c> accepts.</summary>
    public static IReadOnlyList<CreateOption> Options { get; } =
    [
        new("size", CreateOptionType.Size, "Virtual disk size"),
        new("nocow", CreateOptionType.Bool, "Turn off copy-on-write (valid only on btrfs)"),
        new("preallocation", CreateOptionType.Text, "Preallocation mode (allowed values: off, falloc, full)"),
        new("extent_size_hint", CreateOptionType.Size, "Extent size hint for the image file, 0 to disable"),
    ];

    public static void Create(SystemCalls calls, FileCreateArguments arguments)
    {
        const NodePermissions used = NodePermissions.Write | NodePermissions.Resize;
        // The peer lets others write meanwhile; but they would lose what they have written.
        const NodePermissions shared = NodePermissions.ConsistentRead | NodePermissions.WriteUnchanged;
        string name = arguments.FileName;
        using OpenFile file = OpenFile.Open(calls, name, name, OpenMode.ReadWrite | OpenMode.Create);
        new ImageLock(calls, name).Change(file.Fd, used, shared);
        FileResizer.Resize(calls, file, 0, PreallocationMode.Off);
        SetAttributes(calls, file, arguments);
        FileResizer.Resize(calls, file, arguments.SizeBytes, arguments.Preallocation);
    }

    // Both only make things faster where the file system knows them; elsewhere they fail and that is all right.
    private static void SetAttributes(SystemCalls calls, OpenFile file, FileCreateArguments arguments)
    {
        const long noCopyOnWriteFlag = 0x00800000;
        long flags = 0;
        if (arguments.NoCopyOnWrite && calls.Control(file.Fd, DeviceRequests.GetFileFlags, ref flags) >= 0)
        {
            flags |= noCopyOnWriteFlag;
            _ = calls.Control(file.Fd, DeviceRequests.SetFileFlags, ref flags);
        }

        var attributes = default(ExtendedAttributes);
        if (calls.Control(file.Fd, DeviceRequests.GetExtendedAttributes, ref attributes) >= 0)
        {
            attributes.Flags |= ExtendedAttributes.HasExtentSizeHint;
            attributes.ExtentSizeBytes = arguments.ExtentSizeBytes;
            _ = calls.Control(file.Fd, DeviceRequests.SetExtendedAttributes, ref attributes);
        }
    }
}
