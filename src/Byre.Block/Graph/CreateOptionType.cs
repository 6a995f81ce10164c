namespace Byre.Block.Graph;

/// <summary>The type of a creation option's value.</summary>
public enum CreateOptionType
{
    Text,
    Bool,
    Number,
    Size,
}
