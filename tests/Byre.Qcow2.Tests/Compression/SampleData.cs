using System.Text;

namespace Byre.Qcow2.Tests.Compression;

/// <summary>Cluster contents of several kinds, the same for the same arguments.</summary>
internal static class SampleData
{
    public static readonly string[] Kinds = ["zero", "one-byte", "text", "records", "sparse"];

    public static byte[] Make(string kind, int sizeBytes)
    {
        byte[] data = new byte[sizeBytes];
        var random = new Random(sizeBytes + kind.Length);
        switch (kind)
        {
            case "zero":
                break;
            case "one-byte":
                data.AsSpan().Fill(0x11);
                break;
            case "text":
                FillText(data, random);
                break;
            case "records":
                for (int i = 0; i < sizeBytes; i++)
                    data[i] = (byte)(i % 48 < 40 ? (i / 48 * (i % 48 % 3)) : random.Next(256));
                break;
            case "sparse":
                for (int i = 0; i < sizeBytes; i += 1 + random.Next(300))
                    data[i] = (byte)random.Next(256);
                break;
            case "noise":
                random.NextBytes(data);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(kind));
        }

        return data;
    }

    private static void FillText(byte[] data, Random random)
    {
        string[] words = ["cluster", "table", "refcount", "image", "backing", "file", "snapshot", "of", "the", "\n"];
        int at = 0;
        while (at < data.Length)
        {
            byte[] word = Encoding.ASCII.GetBytes(words[random.Next(words.Length)] + " ");
            int length = Math.Min(word.Length, data.Length - at);
            word.AsSpan(0, length).CopyTo(data.AsSpan(at));
            at += length;
        }
    }
}
