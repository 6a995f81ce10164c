namespace Byre.Block.Graph;

/// <summary>One line of <c>create -o help</c>, in the driver's own order.</summary>
/// <param name="Name">"cluster_size".</param>
/// <param name="Type">How the value is parsed.</param>
/// <param name="Help">What the help says after the type.</param>
/// <param name="Default">The value used and printed where none is given; null for none.</param>
public sealed record CreateOption(string Name, CreateOptionType Type, string Help, string? Default = null);
