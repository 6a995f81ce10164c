namespace Byre.Tidy.Tests;

/// <summary>The tidy tests are worth what their scanner is worth.</summary>
public sealed class CSharpBlockTests
{
    private const string Sample = """"
        namespace Sample;

        public sealed class First<T>(int size) : Base
            where T : class
        {
            private static readonly int[] Table = new int[] { 1, 2 };
            private readonly Dictionary<string, int> _map = new(3)
            {
                ["{"] = 1,
            };

            /* a comment with a { brace */
            [Attribute("}")]
            public int Size
            {
                get { return size; }
                set => _map[$"{value:x}{"{"}"] = '{';
            }

            public static bool operator ==(First<T> a, First<T> b) => Run(x => { return """{ " }"""; });

            // {
            public void Long(int count = 3)
            {
                if (count == 3)
                {
                    Run(@"""{");
                }
            }

            private enum Inner { One, Two }
        }

        public record struct Second(int A)
        {
            public int B => A switch
            {
                1 => 2,
                _ => 3,
            };
        }
        """";

    [Fact]
    public void Types_are_found()
    {
        CSharpBlock[] types = [.. CSharpBlock.In(Sample).Where(block => block.IsType)];
        Assert.Equal(
            [
                "private enum Inner",
                "public sealed class First<T>(int size) : Base where T : class",
                "public record struct Second(int A)",
            ],
            types.Select(type => type.Header));
        Assert.Equal([1, 0, 0], types.Select(type => type.Depth));
    }

    [Fact]
    public void Members_are_found_with_their_lines()
    {
        CSharpBlock[] members = [.. CSharpBlock.In(Sample).Where(block => !block.IsType)];
        Assert.Equal(
            [
                "public int Size 14-18",
                "public static bool operator ==(First<T> a, First<T> b) => Run(x => 20-20",
                "public void Long(int count = 3) 23-29",
                "public int B => A switch 36-40",
            ],
            members.Select(member => $"{member.Header} {member.FirstLine}-{member.LastLine}"));
    }
}
