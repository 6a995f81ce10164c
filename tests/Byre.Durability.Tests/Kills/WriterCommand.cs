namespace Byre.Durability.Tests.Kills;

/// <summary>One line of the writer's input, and what it means.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Text">The line.</param>
/// <param name="Offset">Where, in bytes.</param>
/// <param name="Length">How much, in bytes.</param>
/// <param name="Value">The byte written.</param>
/// <param name="IsAsync">It is done only once a <see cref="WriterCommandKind.Drain"/> behind it is.</param>
internal sealed record WriterCommand(
    WriterCommandKind Kind, string Text, int Offset = 0, int Length = 0, byte Value = 0, bool IsAsync = false);
