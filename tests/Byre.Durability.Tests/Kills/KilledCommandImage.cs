using System.Globalization;
using Byre.Block.Graph;
using Byre.Durability.Tests.Support;
using Byre.Qcow2.Check;

namespace Byre.Durability.Tests.Kills;

/// <summary>The image of a <see cref="CommandCase"/>: made once, copied for each kill, looked at afterwards.</summary>
internal sealed class KilledCommandImage : IDisposable
{
    private readonly CommandCase _case;
    private readonly WorkFolder _folder = new(inMemory: true);
    private readonly byte[] _before;
    private readonly byte[] _first;

    public KilledCommandImage(CommandCase one)
    {
        _case = one;
        var create = new List<string> { "create", "-q", "-f", "qcow2" };
        if (one.Options.Length > 0)
            create.AddRange(["-o", one.Options]);
        if (one.HasBacking)
        {
            byte[] backing = new byte[700_000];
            new Random(1).NextBytes(backing);
            File.WriteAllBytes(_folder["base.raw"], backing);
            create.AddRange(["-b", _folder["base.raw"], "-F", "raw"]);
        }

        Programs.RunOurs([.. create, Prepared, CommandCase.DiskBytes.ToString(CultureInfo.InvariantCulture)]);
        Programs.RunOurs("io", "-c", "write -P 1 0 300k", "-c", "write -P 2 448k 16k", Prepared);
        Programs.RunOurs("io", "-c", "write -c -P 4 512k 64k", Prepared);
        Programs.RunOurs("snapshot", "-c", "first", Prepared);
        _first = Read(Prepared);
        string[] more = ["io", "-c", "write -P 5 100k 300k", "-c", "discard 0 64k", "-c", "flush"];
        if (one.IsDirty)
            Programs.Run(Programs.Byre!, [.. more, "-c", "sigraise 9", Prepared]);
        else
            Programs.RunOurs([.. more, Prepared]);
        _before = Read(Prepared);
    }

    private string Prepared => _folder["prepared.qcow2"];

    private string Image => _folder["disk.qcow2"];

    public void Dispose() => _folder.Dispose();

    /// <summary>Kills the command at its n-th call of a kind; returns whether it got that far.</summary>
    public bool Kill(string call, int number)
    {
        File.Copy(Prepared, Image, overwrite: true);
        File.Delete(_folder["target.qcow2"]);
        string[] arguments =
        [
            .. _case.Arguments.Select(
                argument => string.Format(CultureInfo.InvariantCulture, argument, Image, _folder.Folder)),
        ];
        if (!KilledCommand.Run(call, number, arguments))
            return false;
        string what = $"{_case.Name}: killed before call {number} of {call}: ";
        try
        {
            Verify();
            return true;
        }
        catch (Exception failure)
        {
            throw new InvalidOperationException(what + failure.Message, failure);
        }
    }

    private static byte[] Read(string path) => ImageVerifier.ReadAsync(path).GetAwaiter().GetResult();

    private void Verify()
    {
        byte[] actual = Read(Image);
        bool isBefore = IsAllowed(actual);
        bool isSnapshot = _case.MayShowSnapshot && actual.AsSpan().SequenceEqual(_first);
        Assert.True(isBefore || isSnapshot, "the disk shows what it never held");
        if (ImageVerifier.IsDirtyAsync(Image).GetAwaiter().GetResult())
            ImageVerifier.RepairAsync(Image).GetAwaiter().GetResult();
        CheckMetadata(Image);
        VerifySnapshotsAsync(actual).GetAwaiter().GetResult();
        string target = _folder["target.qcow2"];
        if (File.Exists(target) && Programs.Run(Programs.Byre!, "info", "-f", "qcow2", target).ExitCode == 0)
            CheckMetadata(target);
    }

    private bool IsAllowed(byte[] actual)
    {
        if (actual.Length != _before.Length && actual.Length != _case.NewBytes)
            return false;
        int kept = Math.Min(actual.Length, _before.Length);
        if (_case.NewBytes > 0)
            kept = Math.Min(kept, _case.NewBytes);
        if (!actual.AsSpan(0, kept).SequenceEqual(_before.AsSpan(0, kept)))
            return false;
        // New space is zeroes; space that was about to be cut off holds its content or zeroes.
        for (int i = kept; i < actual.Length; i++)
        {
            if (actual[i] != 0 && (i >= _before.Length || actual[i] != _before[i]))
                return false;
        }

        return true;
    }

    private static void CheckMetadata(string path)
    {
        (CheckReport report, string findings) = ImageVerifier.CheckAsync(path).GetAwaiter().GetResult();
        string[] serious = [.. findings.Split("; ").Where(finding => !ImageVerifier.IsHarmless(finding))];
        Assert.True(serious.Length == 0 && report.CheckErrors == 0, string.Join("; ", serious));
    }

    private async Task VerifySnapshotsAsync(byte[] content)
    {
        await using Qcow2Image image = await Qcow2Image.OpenAsync(
            Image, new Qcow2ImageOptions { ImplicitOpens = ImplicitOpenPolicy.AllowAll });
        string[] names = [.. (await image.GetInfoAsync()).Snapshots.Select(snapshot => snapshot.Name)];
        Assert.True(names.Contains("first") || _case.MayLoseSnapshot, "the snapshot is gone");
        foreach (string name in names)
        {
            await image.ApplySnapshotAsync(name);
            byte[] actual = new byte[image.LengthBytes];
            await image.ReadAsync(0, actual);
            byte[] expected = name == "first" ? _first : content;
            Assert.True(actual.AsSpan().SequenceEqual(expected), $"the snapshot {name} has changed");
        }
    }
}
