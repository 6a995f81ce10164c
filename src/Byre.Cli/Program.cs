Console.WriteLine("byre");
