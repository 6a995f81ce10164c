using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Storage.Interop;

namespace Byre.Storage.Files;

/// <content>Other flags on an open node.</content>
public sealed partial class FileStorage
{
    private const OpenMode SwitchableModes = OpenMode.ReadWrite | OpenMode.Direct;

    /// <inheritdoc/>
    /// <remarks>No request may be in flight.</remarks>
    public override ValueTask ReopenAsync(OptionSet options, OpenFlags flags, CancellationToken cancellation = default)
    {
        try
        {
            TakeMutableOptions(options);
            Reopen(flags);
            return default;
        }
        catch (BlockException e)
        {
            return ValueTask.FromException(e);
        }
    }

    internal static OpenMode ModeOf(OpenFlags flags)
    {
        OpenMode mode = OpenMode.ReadOnly;
        if ((flags & OpenFlags.ReadWrite) != 0)
            mode |= OpenMode.ReadWrite;
        if ((flags & OpenFlags.CacheDirect) != 0)
            mode |= OpenMode.Direct;
        return mode;
    }

    private void TakeMutableOptions(OptionSet options)
    {
        options.TakeBool("drop-cache");
        options.TakeBool("x-check-cache-dropped");
        foreach (string key in options.Keys.ToArray())
        {
            string? current = EffectiveOptions.Get(key);
            if (key is not "driver" && current != options.Get(key))
                throw BlockException.Invalid($"Cannot change the option '{key}'");
            options.Take(key);
        }
    }

    private void Reopen(OpenFlags flags)
    {
        MoveEndBack();
        _movesEndAhead = false;
        if (_file.IsWritable)
            Flush();
        OpenMode mode = (_file.Mode & ~SwitchableModes) | ModeOf(flags);
        if (mode == _file.Mode)
        {
            ChangeLocks(_sharing.Reopened(flags));
            OpenedFlags = flags;
            return;
        }

        // By the descriptor and not by the name, which may by now belong to another file.
        OpenFile next = OpenFile.Open(_calls, $"/proc/self/fd/{_file.Fd}", FileName, mode);
        try
        {
            ChangeLocks(_sharing.Reopened(flags));
            _locks?.CopyTo(next.Fd);
        }
        catch
        {
            next.Dispose();
            throw;
        }

        OpenFile last = _file;
        _file = next;
        _limits = LimitsOf(next);
        ForgetRequestShape();
        OpenedFlags = flags;
        last.Dispose();
    }
}
