#!/usr/bin/env escript
%% Decodes methods and property lists with RabbitMQ's own codec. An argument: the ebin folder of rabbit_common.
%% Each line of the input is "method HEX" (class and method number and arguments) or "properties HEX" (flags and properties).
%% Each line of the output is JSON: [name, [[field, value]...]] or null when RabbitMQ refuses the bytes. Binaries are hexadecimal,
%% numbers and floats' bits are texts, fields of tables are [name, type, value].

-mode(compile).

main([Ebin]) ->
    code:add_path(Ebin),
    lines().

lines() ->
    case io:get_line("") of
        eof -> ok;
        Line ->
            [Kind | Rest] = string:lexemes(Line, " \n"),
            Bytes = binary:decode_hex(list_to_binary(lists:append(Rest))),
            io:format("~s~n", [try one(Kind, Bytes) catch _:_ -> "null" end]),
            lines()
    end.

one("method", <<Class:16, Method:16, Fields/binary>>) ->
    Codec = rabbit_framing_amqp_0_9_1,
    Name = Codec:lookup_method_name({Class, Method}),
    Record = Codec:decode_method_fields(Name, Fields),
    record(Name, Codec:method_fieldnames(Name), Record);
one("properties", Bytes) ->
    Record = rabbit_framing_amqp_0_9_1:decode_properties(60, Bytes),
    record('P_basic', [content_type, content_encoding, headers, delivery_mode, priority, correlation_id, reply_to, expiration,
                       message_id, timestamp, type, user_id, app_id, cluster_id], Record).

record(Name, Fields, Record) ->
    Values = case Record of
                 _ when is_tuple(Record) -> tl(tuple_to_list(Record));
                 _ -> []
             end,
    Pairs = [["[", quoted(atom_to_list(F)), ",", value(V), "]"] || {F, V} <- lists:zip(Fields, Values), V =/= undefined],
    ["[", quoted(atom_to_list(Name)), ",[", lists:join(",", Pairs), "]]"].

value(true) -> "true";
value(false) -> "false";
value(V) when is_integer(V) -> quoted(integer_to_list(V));
value(V) when is_binary(V) -> quoted(hex(V));
value(V) when is_list(V) -> ["[", lists:join(",", [entry(E) || E <- V]), "]"].

entry({Name, Type, V}) -> ["[", quoted(hex(Name)), ",", quoted(atom_to_list(Type)), ",", field(Type, V), "]"].

item({Type, V}) -> ["[", quoted(atom_to_list(Type)), ",", field(Type, V), "]"].

field(void, _) -> "null";
field(array, Items) -> ["[", lists:join(",", [item(I) || I <- Items]), "]"];
field(decimal, {Scale, Digits}) -> quoted(io_lib:format("~p/~p", [Digits, Scale]));
field(float, V) -> quoted(hex(<<V:32/float>>));
field(double, V) -> quoted(hex(<<V:64/float>>));
field(_, V) -> value(V).

hex(Bytes) -> binary_to_list(binary:encode_hex(Bytes)).
quoted(Text) -> ["\"", Text, "\""].
