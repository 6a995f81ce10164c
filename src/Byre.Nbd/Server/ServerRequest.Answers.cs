using System.Buffers.Binary;
using System.Text;
using Byre.Block.Errors;
using Byre.Nbd.Protocol;

namespace Byre.Nbd.Server;

/// <content>Answers without data.</content>
internal sealed partial class ServerRequest
{
    private void AnswerSuccess()
    {
        if (_header.Command == CommandCode.Read)
            AnswerRead();
        else if (Mode >= NbdMode.Extended)
            AnswerDone();
        else
            _answer.Add(_head[..ReplyHeader.WriteSimple(_headArray, 0, _header.Cookie)]);
        _isAnswered = true;
    }

    private void AnswerDone() =>
        _answer.Add(_head[..ReplyHeader.WriteChunk(_headArray, Mode, _header, ReplyCode.None, isLast: true, 0)]);

    private void Fail(BlockException failure) => AnswerError(failure.Errno, FailureText);

    private void AnswerError(int errno, string text)
    {
        const int ErrorBytes = sizeof(uint) + sizeof(ushort);
        uint error = NbdError.FromErrno(errno);
        _isAnswered = true;
        _failed = true;
        _answer.Clear();
        if (Mode < NbdMode.Structured)
        {
            _answer.Add(_head[..ReplyHeader.WriteSimple(_headArray, error, _header.Cookie)]);
            return;
        }

        byte[] words = Encoding.UTF8.GetBytes(text);
        int head = ReplyHeader.WriteChunk(
            _headArray, Mode, _header, ReplyCode.Error, isLast: true, ErrorBytes + words.Length);
        BinaryPrimitives.WriteUInt32BigEndian(_headArray.AsSpan(head), error);
        BinaryPrimitives.WriteUInt16BigEndian(_headArray.AsSpan(head + sizeof(uint)), (ushort)words.Length);
        _answer.Add(_head[..(head + ErrorBytes)]);
        _answer.Add(words);
    }
}
