package nats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
)

// publish publishes messages that carry a Nats-Msg-Id, in their order, and returns once the stream has acknowledged each; existed: it
// had them all. After an error some may stand there: who publishes them again within the window doubles none.
// https://docs.nats.io/using-nats/developer/develop_jetstream/model_deep_dive#message-deduplication
func (c *client) publish(ctx context.Context, messages []*nats.Msg) (existed bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	err = c.step("publish the entries", func() error {
		conn, err := c.connect()
		if err != nil {
			return err
		}
		inbox := conn.NewInbox()
		answers, err := conn.SubscribeSync(inbox + ".*")
		if err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		defer func() { _ = answers.Unsubscribe() }() // an error: the connection is gone, and so is the subscription
		for i, m := range messages {
			m.Reply = fmt.Sprintf("%s.%d", inbox, i)
			if err := conn.PublishMsg(m); err != nil {
				return fmt.Errorf("publish: %w", err)
			}
		}
		existed, err = acknowledged(ctx, answers, len(messages))
		return err
	})
	return existed, err
}

// acknowledged waits for n answers and reads them.
func acknowledged(ctx context.Context, answers *nats.Subscription, n int) (existed bool, err error) {
	existed = true
	for range n {
		m, err := answers.NextMsgWithContext(ctx)
		if err != nil {
			return false, fmt.Errorf("publish: no acknowledgement: %w", err)
		}
		var ack struct {
			Error     *apiError `json:"error"`
			Duplicate bool      `json:"duplicate"`
		}
		switch err := json.Unmarshal(m.Data, &ack); {
		case len(m.Data) == 0 && m.Header.Get("Status") == "503":
			return false, errors.New("publish: nobody takes the subject now")
		case err != nil:
			return false, fmt.Errorf("publish: the answer is no JSON: %w", err)
		case ack.Error != nil:
			return false, fmt.Errorf("publish: %w", ack.Error)
		}
		existed = existed && ack.Duplicate
	}
	return existed, nil
}
