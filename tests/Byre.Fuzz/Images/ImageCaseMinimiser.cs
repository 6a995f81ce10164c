using System.Diagnostics;
using Byre.Fuzz.Actions;
using Byre.Fuzz.Engine;

namespace Byre.Fuzz.Images;

/// <summary>
/// Makes a case smaller as long as it shows the same finding: leaves steps out, cuts the file, clears parts of it. For
/// one case.
/// </summary>
internal sealed class ImageCaseMinimiser(ImageCase original, string key)
{
    private const int SmallestBytes = 8;
    private static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(10);

    private ImageCase _best = original;
    private readonly long _started = Stopwatch.GetTimestamp();

    public ImageCase Run()
    {
        DropSteps();
        CutFile();
        for (int size = SparseImage.PageBytes; size >= SmallestBytes; size /= 4)
            ClearParts(size);
        DropSteps();
        return _best;
    }

    private bool TryTake(ImageCase candidate)
    {
        if (Stopwatch.GetElapsedTime(_started) > TimeLimit)
            return false;
        if (ImageCaseRunner.Run(candidate.Image.Copy(), candidate.Steps).Finding?.Key != key)
            return false;
        _best = candidate;
        return true;
    }

    private void DropSteps()
    {
        for (int i = _best.Steps.Count - 1; i >= 0; i--)
            TryTake(_best with { Steps = [.. _best.Steps.Take(i), .. _best.Steps.Skip(i + 1)] });
    }

    private void CutFile()
    {
        for (long cut = _best.Image.LengthBytes / 2; cut >= 512; cut /= 2)
        {
            SparseImage shorter = _best.Image.Copy();
            shorter.SetLength((shorter.LengthBytes - cut) & -512);
            TryTake(_best with { Image = shorter });
        }
    }

    private void ClearParts(int size)
    {
        byte[] part = new byte[size];
        foreach (long page in _best.Image.PageIndices.ToArray())
        {
            for (int i = 0; i < SparseImage.PageBytes; i += size)
            {
                long offset = (page * SparseImage.PageBytes) + i;
                _best.Image.Read(offset, part);
                if (!part.AsSpan().ContainsAnyExcept((byte)0))
                    continue;
                SparseImage cleared = _best.Image.Copy();
                cleared.Clear(offset, size);
                TryTake(_best with { Image = cleared });
            }
        }
    }
}
