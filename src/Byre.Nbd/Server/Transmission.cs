using System.Diagnostics;
using Byre.Block.Errors;
using Byre.Block.Threading;
using Byre.Nbd.Protocol;
using Byre.Nbd.Transport;

namespace Byre.Nbd.Server;

/// <summary>
/// The requests of one client, received on the connection's own thread. A request that is alone is done right there,
/// waiting for the disk if need be: nothing is faster for a client that sends one after the other. Of requests that
/// come together each is only begun there; what has to wait for the disk goes on elsewhere, and answers are sent as
/// they become ready, several at a time.
/// </summary>
internal sealed class Transmission : IDisposable
{
    private readonly NegotiatedSession _session;
    private readonly INbdTransport _transport;
    private readonly RequestReceiver _receiver;
    private readonly ReplySender _sender;
    private readonly SubmissionLoop? _loop;
    private readonly FlightLimit _limit;
    private readonly Lock _freeLock = new();
    private readonly Stack<ServerRequest> _free = new();
    private readonly Thread _thread = Thread.CurrentThread;

    /// <param name="session">What was negotiated.</param>
    /// <param name="transport">The connection.</param>
    /// <param name="loop">What this thread waits in, for requests and for files; null where only requests are waited
    /// for, and files by others. It belongs to the transmission from now on.</param>
    public Transmission(NegotiatedSession session, INbdTransport transport, SubmissionLoop? loop)
    {
        _loop = loop;
        _limit = new FlightLimit(loop);
        _session = session;
        _transport = transport;
        _receiver = new RequestReceiver(session.Mode);
        _sender = new ReplySender(transport, loop, Recycle);
    }

    private ExportStatistics Statistics => _session.Export.Statistics;

    /// <summary>
    /// Serves the client until it leaves. Returns why it was sent away; null where it went by itself.
    /// </summary>
    public string? Run()
    {
        Statistics.ClientCame();
        SubmissionThread.Attach(_loop);
        try
        {
            string? reason = Serve();
            WaitUntilAnswered();
            return reason ?? (_sender.Failure is { } failure ? $"Failed to send reply: {failure}" : null);
        }
        finally
        {
            _transport.Shutdown();
            WaitUntilAnswered();
            SubmissionThread.Attach(null);
            Statistics.ClientWent();
        }
    }

    public void Dispose()
    {
        _sender.Dispose();
        _receiver.Dispose();
        _limit.Dispose();
        _loop?.Dispose();
        foreach (ServerRequest request in _free)
            request.Release();
    }

    private string? Serve()
    {
        try
        {
            while (true)
            {
                if (_receiver.HasHeader)
                {
                    if (!TryReceive(out string? reason))
                        return reason;
                    continue;
                }

                SendAnswers();
                if (!Fill())
                    return _receiver.IsInside ? "Unexpected end-of-file before all bytes were read" : null;
            }
        }
        catch (BlockException failure)
        {
            return failure.Message;
        }
    }

    /// <summary>Waits for more bytes; false at the end.</summary>
    private bool Fill()
    {
        int count = _loop is null ? _transport.Receive(_receiver.Target.Span) : ReceiveByLoop(_loop);
        _receiver.Advance(count);
        return count > 0;
    }

    /// <summary>Waits for more bytes, and meanwhile sends the answers of the requests that end.</summary>
    private int ReceiveByLoop(SubmissionLoop loop)
    {
        loop.BeginReceive(_transport.Descriptor!.Value, _receiver.Target);
        while (true)
        {
            loop.RunOnce();
            if (loop.EndReceive() is { } count)
                return count;
            SendAnswers();
        }
    }

    /// <summary>Sends the answers that are ready, once the disk has its new requests: it works while we send.</summary>
    private void SendAnswers()
    {
        if (!_sender.HasWork)
            return;
        _loop?.Submit();
        _sender.FlushFromReceiver();
    }

    /// <summary>Waits for all requests. Their answers are sent, or dropped where the client has gone.</summary>
    private void WaitUntilAnswered()
    {
        while (true)
        {
            _sender.FlushFromReceiver();
            if (_limit.IsEmpty())
                return;
            _limit.Wait();
        }
    }

    private bool TryFill()
    {
        try
        {
            return Fill();
        }
        catch (BlockException)
        {
            // The connection broke in the middle of a request: the same as its end there.
            return false;
        }
    }

    /// <summary>Takes one request and begins it; false where no more are to be taken.</summary>
    private bool TryReceive(out string? reason)
    {
        if (_receiver.TakeHeader(out uint magic) is not { } header)
        {
            uint expected = RequestHeader.MagicOf(_session.Mode);
            reason = $"invalid magic (got 0x{magic:x}, expected 0x{expected:x})";
            return false;
        }

        reason = null;
        if (header.Command == CommandCode.Disconnect)
            return false;
        RequestPlan plan = RequestRules.Plan(header, _session.Mode);
        long held = ServerRequest.BytesHeldBy(header, plan);
        Enter(held);
        ServerRequest request = Rent();
        request.Begin(header, held, plan.Error, Stopwatch.GetTimestamp());
        Statistics.Begin();
        if (!ReceivePayload(request, plan))
        {
            reason = "Failed to read CMD_WRITE data: Unexpected end-of-file before all bytes were read";
            Statistics.End(header, succeeded: false, request.StartedTimestamp);
            Recycle(request);
            return false;
        }

        // A request that is alone may wait where it is; others must not be held up by it.
        bool isAlone = !_receiver.HasMore && _limit.Requests == 1;
        using (SubmissionThread.Enter(mustNotBlock: !isAlone))
            request.Start();
        if (!plan.EndsConnection)
            return true;
        reason = "Request handling failed in intermediate state";
        return false;
    }

    private void Enter(long held)
    {
        if (_limit.TryEnter(held))
            return;
        while (true)
        {
            // What is answered already makes room only once it is sent.
            _sender.FlushFromReceiver();
            if (_limit.TryEnter(held))
                return;
            _limit.Wait();
        }
    }

    private bool ReceivePayload(ServerRequest request, in RequestPlan plan)
    {
        if (plan.PayloadBytes == 0)
        {
            if (plan.Use == PayloadUse.Contexts)
                request.ApplyContextPayload([]);
            return true;
        }

        Memory<byte> payload = request.RentPayload(plan.PayloadBytes);
        _receiver.BeginPayload(payload);
        while (!_receiver.TryCompletePayload())
        {
            _sender.FlushFromReceiver();
            if (!TryFill())
                return false;
        }

        if (plan.Use == PayloadUse.Contexts)
            request.ApplyContextPayload(payload.Span);
        else if (plan.Use == PayloadUse.Skip)
            request.ForgetPayload();
        return true;
    }

    private ServerRequest Rent()
    {
        lock (_freeLock)
            return _free.TryPop(out ServerRequest? request) ? request : new ServerRequest(_session, Complete);
    }

    /// <summary>An answer is ready. The receiving thread sends it together with others; any other thread now.</summary>
    private void Complete(ServerRequest request)
    {
        Statistics.End(request.Header, request.Succeeded, request.StartedTimestamp);
        bool isEnough = _sender.Enqueue(request);
        if (Thread.CurrentThread != _thread)
            _sender.FlushFromWorker();
        else if (isEnough)
            _sender.FlushFromReceiver();
    }

    private void Recycle(ServerRequest request)
    {
        long held = request.HeldBytes;
        request.Recycle();
        lock (_freeLock)
            _free.Push(request);
        _limit.Leave(held);
    }
}
