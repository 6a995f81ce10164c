// Prints bytes of a disk inside a qcow2 image, and where the disk holds data:
//   dotnet run --project samples/ReadBytes -- IMAGE [OFFSET [COUNT]]
using System.Globalization;
using Byre;
using Byre.Block.Errors;
using Byre.Block.Graph;

if (args.Length is 0 or > 3)
{
    Console.Error.WriteLine("usage: ReadBytes IMAGE [OFFSET [COUNT]]");
    return 1;
}

try
{
    long offset = args.Length > 1 ? SizeText.Parse("offset", args[1]) : 0;
    int count = (int)Math.Min(args.Length > 2 ? SizeText.Parse("count", args[2]) : 64, 1 << 20);

    // The backing files of one's own images may be opened; those of a stranger's image should not.
    var options = new Qcow2ImageOptions { ReadOnly = true, ImplicitOpens = ImplicitOpenPolicy.AllowAll };
    await using Qcow2Image image = await Qcow2Image.OpenAsync(args[0], options);

    byte[] bytes = new byte[count];
    int read = await image.ReadAsync(offset, bytes);
    for (int row = 0; row < read; row += 16)
    {
        string hex = Convert.ToHexString(bytes, row, Math.Min(16, read - row));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{offset + row:x8}  {hex}"));
    }

    long data = 0;
    await foreach (ImageExtent extent in image.GetExtentsAsync())
        data += extent.IsZero ? 0 : extent.Length;
    Console.WriteLine($"{data} of {image.LengthBytes} bytes are data");
    return 0;
}
catch (BlockException failure)
{
    Console.Error.WriteLine($"ReadBytes: {failure.Message}");
    return 1;
}
