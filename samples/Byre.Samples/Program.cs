using Byre.Block.Formats;
using Byre.Block.Graph;
using Byre.Qcow2;
using Byre.Storage.Drivers;

// What can be opened is what is registered: nothing else, whatever an image asks for.
var opener = new ImageOpener(new DriverRegistry(new Qcow2Driver(), new RawDriver(), new FileDriver()));

await new ImageCreatorService(opener).CreateAsync("qcow2", "disk.qcow2", new OptionSet { ["size"] = "1073741824" });

BlockNode root = await opener.OpenAsync("disk.qcow2", OpenFlags.ReadWrite);
await using var disk = new BlockBackend(root);

byte[] page = new byte[4096];
Random.Shared.NextBytes(page);
await disk.WriteAsync(1 << 20, page);
await disk.FlushAsync();

byte[] back = new byte[4096];
await disk.ReadAsync(1 << 20, back);
Console.WriteLine(back.AsSpan().SequenceEqual(page) ? "The page came back as written." : "The page is different.");
