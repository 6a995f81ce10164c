using Byre;
using Byre.Qcow2.Check;
using Byre.Qcow2.Create;

var options = new Qcow2CreateOptions { SizeBytes = 1L << 30 };
await using Qcow2Image image = await Qcow2Image.CreateAsync("disk.qcow2", options);

byte[] page = new byte[4096];
Random.Shared.NextBytes(page);
await image.WriteAsync(1 << 20, page);
await image.FlushAsync();

byte[] back = new byte[4096];
await image.ReadAsync(1 << 20, back);
Console.WriteLine(back.AsSpan().SequenceEqual(page) ? "The page came back as written." : "The page is different.");

await image.CreateSnapshotAsync("before");
await image.WriteZeroesAsync(new(1 << 20, page.Length));
await image.ApplySnapshotAsync("before");
await image.ReadAsync(1 << 20, back);
Console.WriteLine(back.AsSpan().SequenceEqual(page) ? "The snapshot brought it back." : "The snapshot lost it.");

CheckReport report = await image.CheckAsync();
Console.WriteLine(report.IsClean ? "The image is consistent." : $"{report.Corruptions} corruptions.");
