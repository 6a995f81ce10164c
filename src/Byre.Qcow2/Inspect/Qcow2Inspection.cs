using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Byre.Block.Errors;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Inspect;

/// <summary>
/// Inspects a qcow2 image: its header here, the tables in <see cref="Qcow2TableInspection"/>. One use; not thread-safe.
/// </summary>
internal sealed class Qcow2Inspection(InspectionContext context)
{
    private readonly FindingList _findings = context.Findings;

    public async ValueTask RunAsync()
    {
        byte[] prefix = new byte[HeaderCodec.PrefixBytes];
        await context.Reader.ReadAsync(0, prefix).ConfigureAwait(false);
        int clusterBits;
        try
        {
            clusterBits = HeaderCodec.ReadClusterBits(prefix);
        }
        catch (BlockException refusal)
        {
            Refuse(refusal);
            return;
        }

        byte[] cluster = new byte[1 << clusterBits];
        await context.Reader.ReadAsync(0, cluster).ConfigureAwait(false);
        RawHeader raw = MemoryMarshal.Read<RawHeader>(cluster);
        context.VirtualSizeBytes = (long)Math.Min(raw.VirtualSizeBytes.Value, long.MaxValue);
        bool hasVersion3Fields = raw.Version.Value >= 3;
        ulong incompatible = hasVersion3Fields ? raw.IncompatibleFeatures.Value : 0;
        uint headerLength = hasVersion3Fields ? raw.HeaderLengthBytes.Value : RawHeader.Version2Bytes;
        bool hasDataFile = (incompatible & (ulong)IncompatibleFeatures.DataFile) != 0;

        Qcow2Extensions extensions = Qcow2Extensions.Read(cluster, headerLength, raw.BackingFileOffset.Value);
        ReportBackingFile(raw, cluster, extensions);
        ReportDataFile(hasDataFile, extensions);
        ReportFeatures(raw, incompatible, hasVersion3Fields, extensions);
        ReportExtensions(extensions);
        ReportEncryption(raw);
        if (extensions.Failure is not null)
            return;
        ImageHeader header;
        try
        {
            header = HeaderCodec.Parse(cluster);
        }
        catch (BlockException refusal)
        {
            Refuse(refusal);
            return;
        }

        if (header.IsDataFileRaw && !header.HasDataFile)
            _findings.Danger(
                InspectionFindingIds.HeaderInvalid, "The header speaks of a raw data file without having one");
        if (header.HasStaleBitmaps)
            _findings.Warning(InspectionFindingIds.Bitmaps, "The persistent bitmaps are not to be trusted any more");
        await new Qcow2TableInspection(context, header).RunAsync().ConfigureAwait(false);
    }

    private void Refuse(BlockException refusal) =>
        _findings.Danger(
            InspectionFindingIds.HeaderInvalid, "The header is not sound: " + FindingList.Escape(refusal.Message));

    private void ReportBackingFile(in RawHeader raw, ReadOnlySpan<byte> cluster, Qcow2Extensions extensions)
    {
        ulong offset = raw.BackingFileOffset.Value;
        string? name = null;
        if (offset != 0)
        {
            // Even where the length is beyond all limits: whoever reads the report shall see what was tried.
            ReadOnlySpan<byte> area = offset < (ulong)cluster.Length ? cluster[(int)offset..] : [];
            name = NameCodec.Decode(area[..(int)Math.Min(raw.BackingFileBytes.Value, (uint)area.Length)]);
        }

        if (string.IsNullOrEmpty(name))
        {
            if (offset != 0)
                _findings.Warning(
                    InspectionFindingIds.UnusedName, "There is a place for a backing file's name, but no name");
            if (extensions.BackingFormat is { Length: > 0 } unused)
            {
                _findings.Info(
                    InspectionFindingIds.UnusedName,
                    $"A backing file's format {FindingList.Quote(unused)} is recorded, but no backing file",
                    unused);
            }

            return;
        }

        _findings.Danger(
            InspectionFindingIds.BackingFile, $"The image has the backing file {FindingList.Quote(name)}", name);
        NameGrader.Grade(_findings, "backing file", name);
        if (string.IsNullOrEmpty(extensions.BackingFormat))
        {
            _findings.Danger(
                InspectionFindingIds.BackingFormatMissing,
                "The backing file's format is not recorded: its content, which a guest may have written, decides");
        }
    }

    private void ReportDataFile(bool hasDataFile, Qcow2Extensions extensions)
    {
        string? name = extensions.DataFileName;
        if (!hasDataFile)
        {
            if (name is not null)
            {
                _findings.Warning(
                    InspectionFindingIds.UnusedName,
                    $"A data file {FindingList.Quote(name)} is named, but the feature is off",
                    name);
            }

            return;
        }

        _findings.Danger(
            InspectionFindingIds.DataFile,
            name is null
                ? "The guest's data lies in an external file that is not named"
                : $"The guest's data lies in the external file {FindingList.Quote(name)}",
            name);
        if (name is not null)
            NameGrader.Grade(_findings, "external data file", name);
    }

    private void ReportFeatures(
        in RawHeader raw, ulong incompatible, bool hasVersion3Fields, Qcow2Extensions extensions)
    {
        var unknown = (IncompatibleFeatures)incompatible & ~FeatureBits.KnownIncompatible;
        if (unknown != 0)
        {
            string names = FeatureNameTable.Describe(extensions.FeatureNames, unknown);
            _findings.Danger(
                InspectionFindingIds.UnknownIncompatibleFeature,
                $"The image needs features that are not known: {FindingList.Escape(names)}");
        }

        if ((incompatible & (ulong)IncompatibleFeatures.Dirty) != 0)
            _findings.Warning(InspectionFindingIds.Dirty, "The image was not closed: reference counts must be rebuilt");
        if ((incompatible & (ulong)IncompatibleFeatures.Corrupt) != 0)
            _findings.Danger(InspectionFindingIds.Corrupt, "The image is marked as corrupt: it needs a repair");
        if (!hasVersion3Fields)
            return;
        ulong compatible = raw.CompatibleFeatures.Value & ~(ulong)CompatibleFeatures.LazyRefcounts;
        if (compatible != 0)
            _findings.Info(
                InspectionFindingIds.UnknownCompatibleFeature, $"Unknown compatible features: 0x{compatible:x}");
        ulong autoclear = raw.AutoclearFeatures.Value & ~(ulong)FeatureBits.KnownAutoclear;
        if (autoclear != 0)
        {
            _findings.Warning(
                InspectionFindingIds.UnknownAutoclearFeature,
                $"Unknown autoclear features, which the next writer drops: 0x{autoclear:x}");
        }
    }

    private void ReportExtensions(Qcow2Extensions extensions)
    {
        if (extensions.Failure is { } failure)
            _findings.Danger(InspectionFindingIds.HeaderInvalid, failure);
        foreach (uint magic in extensions.Unknown)
            _findings.Info(InspectionFindingIds.UnknownExtension, $"The header has an unknown extension 0x{magic:x8}");
    }

    private void ReportEncryption(in RawHeader raw)
    {
        if (raw.CryptMethod.Value is not ((uint)CryptMethod.Aes or (uint)CryptMethod.Luks))
            return;
        string method = raw.CryptMethod.Value == (uint)CryptMethod.Aes ? "AES, by a broken scheme of old" : "LUKS";
        _findings.Warning(InspectionFindingIds.Encrypted, $"The image is encrypted ({method}): it needs a key");
    }
}
