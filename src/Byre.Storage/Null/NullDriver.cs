using Byre.Block.Errors;
using Byre.Block.Graph;

namespace Byre.Storage.Null;

/// <summary>The drivers "null-co" and "null-aio", which differ in nothing here but the name. Stateless.</summary>
public sealed class NullDriver : BlockDriver
{
    private NullDriver(string name) => Name = name;

    /// <summary>The driver "null-co".</summary>
    public static NullDriver Coroutine { get; } = new("null-co");

    /// <summary>The driver "null-aio".</summary>
    public static NullDriver Asynchronous { get; } = new("null-aio");

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override bool IsProtocol => true;

    /// <inheritdoc/>
    public override string? FileNamePrefix => Name;

    /// <inheritdoc/>
    public override IReadOnlyList<string> StrongOptions { get; } = ["size", "read-zeroes"];

    /// <inheritdoc/>
    public override void ParseFileName(string fileName, OptionSet options)
    {
        string only = Name + "://";
        if (fileName != only)
            throw BlockException.Invalid($"The only allowed filename for this driver is '{only}'");
    }

    /// <inheritdoc/>
    public override ValueTask<BlockNode> OpenAsync(OpenRequest request, CancellationToken cancellation)
    {
        try
        {
            NullOptions options = NullOptions.Take(request.Options);
            return new ValueTask<BlockNode>(new NullStorage(this, options) { OpenedFlags = request.Flags });
        }
        catch (BlockException e)
        {
            return ValueTask.FromException<BlockNode>(e);
        }
    }
}
