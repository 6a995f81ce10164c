using Byre.Block.Errors;
using Byre.Qcow2.Inspect;
using Byre.Storage.Files;

namespace Byre;

/// <summary>
/// Tells of an image from a stranger what it is and whether it may be used unattended, before anything opens it as an
/// image. Reads nothing but the file, takes no lock, follows no name in it, and does a bounded amount of work
/// whatever the file claims (<see cref="InspectionLimits"/>). Recognises qcow2, qcow, VMDK, VDI, VHD, VHDX, QED,
/// Parallels, LUKS and raw disks. Stateless and thread-safe.
/// <code>
/// InspectionReport report = await ImageInspector.InspectAsync("upload.img", new() { DeclaredFormat = "qcow2" });
/// if (report.Verdict != InspectionVerdict.Safe)
///     Console.WriteLine(report.Reason);
/// </code>
/// </summary>
public static class ImageInspector
{
    /// <summary>Inspects a file.</summary>
    /// <param name="path">Its path; must be a regular file.</param>
    /// <param name="options">What is said of the image; null for nothing.</param>
    /// <param name="allowBlockDevice">It may also be a block device.</param>
    /// <param name="cancellation">Cancels between two reads.</param>
    /// <exception cref="BlockException">The file cannot be opened or read, or is no regular file
    /// (<see cref="BlockErrorKind.InvalidFormat"/>). What is in the file never throws: that is in the
    /// report.</exception>
    public static async ValueTask<InspectionReport> InspectAsync(
        string path,
        InspectionOptions? options = null,
        bool allowBlockDevice = false,
        CancellationToken cancellation = default)
    {
        using UntrustedFile file = UntrustedFile.Open(path, allowBlockDevice);
        return await ImageInspection.RunAsync(file, options, cancellation).ConfigureAwait(false);
    }

    /// <summary>Inspects what a stream holds, from its start to its end; its position is lost.</summary>
    /// <param name="stream">Can seek; stays the caller's.</param>
    /// <param name="options">What is said of the image; null for nothing.</param>
    /// <param name="cancellation">Cancels between two reads.</param>
    /// <exception cref="BlockException">The stream cannot be read.</exception>
    public static ValueTask<InspectionReport> InspectAsync(
        Stream stream, InspectionOptions? options = null, CancellationToken cancellation = default) =>
        ImageInspection.RunAsync(new StreamInspectionSource(stream), options, cancellation);
}
