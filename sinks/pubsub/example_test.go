package pubsub_test

import (
	"context"
	"fmt"
	"log"
	"slices"
	"sync"

	pubsubsdk "cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"sluice/sinks/driver"
	"sluice/sinks/pubsub"
	"sluice/sinks/pubsub/pubsubtest"
)

// A consumer drops what comes twice by its sluice-id: Sluice publishes a request again when its reply was lost, and a plan again
// that was open when it was killed.
func Example() {
	server, err := pubsubtest.Start(pubsubtest.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	deliverWithALostReply(server)

	ctx, cancel := context.WithCancel(context.Background())
	client, err := pubsubsdk.NewClient(ctx, "acme", option.WithEndpoint(server.Addr), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	var mu sync.Mutex
	seen := make(map[string]bool) // in earnest: a unique key where the effect is stored, in the same transaction
	received, entries := 0, []string(nil)
	err = client.Subscriber("siem").Receive(ctx, func(_ context.Context, m *pubsubsdk.Message) {
		mu.Lock()
		defer mu.Unlock()
		if id := m.Attributes["sluice-id"]; !seen[id] {
			seen[id] = true
			entries = append(entries, string(m.Data))
		}
		m.Ack() // a double too: it was seen to
		if received++; received == 4 {
			cancel()
		}
	})
	if err != nil {
		log.Fatal(err)
	}
	slices.Sort(entries)
	fmt.Println(received, "messages,", len(entries), "entries:", entries)
	// Output: 4 messages, 2 entries: [{"insertId":"a"} {"insertId":"b"}]
}

// deliverWithALostReply publishes two entries by a request that takes effect and is not answered, and so by another.
func deliverWithALostReply(server *pubsubtest.Server) {
	check := func(err error) {
		if err != nil {
			log.Fatal(err)
		}
	}
	check(server.CreateTopic("projects/acme/topics/audit"))
	check(server.CreateSubscription("projects/acme/subscriptions/siem", "projects/acme/topics/audit", false))
	o := pubsub.Defaults()
	o.Project, o.Topic, o.Endpoint = "acme", "audit", server.URL
	sink, err := o.Open(context.Background(), driver.ToSink)
	check(err)
	defer sink.Close()
	plan, err := sink.Plan(nil, &driver.Batch{Route: "siem", Stream: "LOGS", Epoch: 1, First: 1, Last: 2, Groups: []driver.Group{{Refs: []driver.Ref{
		{Seq: 1, Raw: []byte(`{"insertId":"a"}`)}, {Seq: 2, Raw: []byte(`{"insertId":"b"}`)},
	}}}})
	check(err)
	lost := pubsubtest.Fault{Kind: pubsubtest.DropReply}
	server.SetFault(func(*pubsubpb.PublishRequest) (f pubsubtest.Fault) {
		f, lost = lost, pubsubtest.Fault{}
		return f
	})
	if _, err := sink.Write(context.Background(), &plan.Units[0]); driver.CodeOf(err) != driver.Unavailable {
		log.Fatal("the reply was not lost: ", err)
	}
	_, err = sink.Write(context.Background(), &plan.Units[0])
	check(err)
}
