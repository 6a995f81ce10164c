using System.Runtime.InteropServices;

namespace Byre.Cli.QemuNbd;

/// <summary>Tells a server when to end: on SIGTERM, SIGINT, SIGHUP, or when it says so itself. Thread-safe.</summary>
internal sealed class EndSignals : IDisposable
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly PosixSignalRegistration[] _registrations;

    public EndSignals()
    {
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal),
            PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal),
            PosixSignalRegistration.Create(PosixSignal.SIGHUP, OnSignal),
        ];
    }

    /// <summary>Completes when the server is to end.</summary>
    public Task Ended => _ended.Task;

    public void End() => _ended.TrySetResult();

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
            registration.Dispose();
    }

    private void OnSignal(PosixSignalContext signal)
    {
        signal.Cancel = true;
        End();
    }
}
