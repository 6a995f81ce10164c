using System.Diagnostics;

namespace Byre.Storage.Tests.Support;

/// <summary>A running qemu-io that has an image open until it is disposed.</summary>
internal sealed class ImageHolder : IDisposable
{
    private readonly Process _process;

    public ImageHolder(params string[] arguments)
    {
        var start = new ProcessStartInfo("qemu-io", arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        _process = Process.Start(start)!;
        // The answer to a command shows that the image is open.
        _process.StandardInput.WriteLine("length");
        _process.StandardInput.Flush();
        string answer = "";
        while (!answer.Contains("iB", StringComparison.Ordinal) && !answer.Contains("bytes", StringComparison.Ordinal))
            answer = _process.StandardOutput.ReadLine()
                ?? throw new InvalidOperationException(_process.StandardError.ReadToEnd());
    }

    public int Id => _process.Id;

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(5000))
            _process.Kill();
        _process.Dispose();
    }
}
