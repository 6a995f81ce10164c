using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Storage.Interop;

namespace Byre.Storage.Files;

/// <summary>
/// Excludes other programs from an image file in the way QEMU does, so that both sides exclude each other. A file
/// carries two rows of lock bytes, one byte for each permission bit:
/// <code>
///   100 + bit   read-locked by whoever uses the permission
///   200 + bit   read-locked by whoever does not let others use it
/// </code>
/// All locks are shared, so that many may hold the same byte; a conflict is found by asking whether a write lock on the
/// opposite byte would be possible. Locks are taken before the question is asked: of two that come together, at least
/// one sees the other. They belong to the open file description (OFD locks), so closing another descriptor of the
/// file loses nothing.
/// <para>Not thread-safe. <see cref="OpenFile"/> drops the locks when it closes the file.</para>
/// </summary>
internal sealed class ImageLock(SystemCalls calls, string fileName)
{
    private const int UsedBase = 100;
    private const int UnsharedBase = 200;
    private const int PermissionCount = 4;

    /// <summary>All bytes that are ever locked.</summary>
    public static readonly ByteRange Bytes = ByteRange.FromEnd(UsedBase, UnsharedBase + PermissionCount);

    private NodePermissions _used;
    private NodePermissions _unshared;

    /// <summary>
    /// Takes the locks for using <paramref name="used"/> and sharing <paramref name="shared"/>, in place of those held
    /// until now. Everything or nothing.
    /// </summary>
    /// <exception cref="BlockException">Another program holds what conflicts (<see cref="BlockErrorKind.Locked"/>),
    /// or the file cannot be locked.</exception>
    public void Change(int fd, NodePermissions used, NodePermissions shared)
    {
        NodePermissions unshared = NodePermissions.All & ~shared;
        NodePermissions oldUsed = _used;
        NodePermissions oldUnshared = _unshared;
        try
        {
            Take(fd, used, unshared);
            Check(fd, used, unshared);
        }
        catch (BlockException)
        {
            GoBack(fd, oldUsed, oldUnshared);
            throw;
        }

        Release(fd, used, unshared);
    }

    /// <summary>
    /// Takes on <paramref name="newFd"/>, another open file description of the same file, all locks held; the old one
    /// is then closed.
    /// </summary>
    public void CopyTo(int newFd) => SetAll(newFd, LockType.Read, _used, _unshared);

    /// <summary>
    /// Gives all locks up before the file is closed: a process that another thread is starting shares them until it
    /// executes its program, and would keep them alive beyond the close.
    /// </summary>
    public void ReleaseAll(int fd) => GoBack(fd, NodePermissions.None, NodePermissions.None);

    // A file system that cannot lock cannot unlock either: the failure that led here is the one to tell of. What stays
    // locked by a failed unlock goes when the file is closed.
    private void GoBack(int fd, NodePermissions keepUsed, NodePermissions keepUnshared)
    {
        try
        {
            Release(fd, keepUsed, keepUnshared);
        }
        catch (BlockException e) when (e.Kind != BlockErrorKind.Locked)
        {
            _used = keepUsed;
            _unshared = keepUnshared;
        }
    }

    private void Take(int fd, NodePermissions used, NodePermissions unshared)
    {
        NodePermissions newUsed = used & ~_used;
        NodePermissions newUnshared = unshared & ~_unshared;
        // Counted as held before they are: a release after a failure half way unlocks all of them, which does no harm.
        _used |= used;
        _unshared |= unshared;
        SetAll(fd, LockType.Read, newUsed, newUnshared);
    }

    private void SetAll(int fd, LockType type, NodePermissions used, NodePermissions unshared)
    {
        for (int bit = 0; bit < PermissionCount; bit++)
        {
            if (Has(used, bit))
                Set(fd, type, UsedBase + bit);
            if (Has(unshared, bit))
                Set(fd, type, UnsharedBase + bit);
        }
    }

    private void Set(int fd, LockType type, int offset)
    {
        int error = calls.SetLock(fd, type, offset);
        string verb = type == LockType.Unlocked ? "unlock" : "lock";
        if (error < 0)
            throw Failure($"Failed to {verb} byte {offset}", -error, hint: null);
    }

    private void Release(int fd, NodePermissions keepUsed, NodePermissions keepUnshared)
    {
        SetAll(fd, LockType.Unlocked, _used & ~keepUsed, _unshared & ~keepUnshared);
        _used &= keepUsed;
        _unshared &= keepUnshared;
    }

    private void Check(int fd, NodePermissions used, NodePermissions unshared)
    {
        for (int bit = 0; bit < PermissionCount; bit++)
        {
            if (Has(used, bit))
                Check(fd, UnsharedBase + bit, $"Failed to get \"{NameOf(bit)}\" lock");
        }

        for (int bit = 0; bit < PermissionCount; bit++)
        {
            if (Has(unshared, bit))
                Check(fd, UsedBase + bit, $"Failed to get shared \"{NameOf(bit)}\" lock");
        }
    }

    private void Check(int fd, int offset, string message)
    {
        int error = calls.TestWriteLock(fd, offset);
        if (error == 0)
            return;
        string hint = $"Is another process using the image [{fileName}]?\n" + LockHolders.Describe(calls, fd, offset);
        throw Failure(message, -error, hint);
    }

    private static BlockException Failure(string message, int errno, string? hint) =>
        errno is Errno.TryAgain or Errno.AccessDenied
            ? new BlockException(BlockErrorKind.Locked, errno, message) { Hint = hint }
            : new BlockException(
                BlockErrorKind.InputOutput, errno, $"{message}: {Errno.Describe(errno)}") { Hint = hint };

    private static bool Has(NodePermissions permissions, int bit) => ((int)permissions & (1 << bit)) != 0;

    private static string NameOf(int bit) => (NodePermissions)(1 << bit) switch
    {
        NodePermissions.ConsistentRead => "consistent read",
        NodePermissions.Write => "write",
        NodePermissions.WriteUnchanged => "write unchanged",
        _ => "resize",
    };
}
